"""Questions asked in the last row: a line of text, one of a few choices, yes or no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from wfmon.model.record import dataclass, field
from wfmon.ui.line import LineEditor
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, cut, width_of

_LABEL = 16  # cells of a label that choices leave, where they can
_TYPED = 20  # cells of what is typed that a label leaves


class Question(Protocol):
    def press(self, key: str, character: str | None) -> bool:
        """Take a key; True when the question is answered or given up."""
        ...

    def paste(self, text: str) -> None: ...
    def row(self, look: Look, width: int) -> Row: ...


@dataclass(slots=True)
class AskLine:
    """``done`` gets the text, or None when given up; ``changed`` every intermediate text.

    ``other`` gets the keys that do not edit (up and down, for a list above the line). A long ``label``
    leaves room for what is typed; ``asks``, which stands behind it, is whole.
    """

    label: str
    done: Callable[[str | None], None]
    changed: Callable[[str], None] | None = None
    other: Callable[[str], None] | None = None
    asks: str = ""
    editor: LineEditor = field(default_factory=LineEditor)

    def press(self, key: str, character: str | None) -> bool:
        if key in ("enter", "esc"):
            self.done(self.editor.text if key == "enter" else None)
            return True
        before = self.editor.text
        if not self.editor.press(key, character):
            if self.other:
                self.other(key)
        elif self.changed and self.editor.text != before:
            self.changed(self.editor.text)
        return False

    def paste(self, text: str) -> None:
        self.editor.insert(text)
        if self.changed:
            self.changed(self.editor.text)

    def row(self, look: Look, width: int) -> Row:
        most = width - _TYPED - 4 - width_of(self.asks)
        label = cut(self.label, most, look.signs.cut) + self.asks
        line = Line(look, width).add(f" {label} ", "prompt")
        before, after = self.editor.text[: self.editor.cursor], self.editor.text[self.editor.cursor :]
        room = width - line.used - 2
        while before and width_of(before) > room:
            before = before[1:]
        line.add(before, "strong")
        line.add(after[:1] or " ", "match").add(after[1:], "strong")
        return line.row()


@dataclass(slots=True)
class Choose:
    """``choices`` are (key, words); ``done`` gets the chosen key, or None when given up."""

    label: str
    choices: Sequence[tuple[str, str]]
    done: Callable[[str | None], None]
    current: str | None = None

    def press(self, key: str, character: str | None) -> bool:
        if key in ("esc", "enter", "q"):
            self.done(None)
            return True
        if any(key == choice for choice, _words in self.choices):
            self.done(key)
            return True
        return False

    def paste(self, text: str) -> None:
        """Nothing to type here."""

    def row(self, look: Look, width: int) -> Row:
        choices = sum(width_of(key) + width_of(words) + 1 for key, words in self.choices)
        gaps = (f" {look.signs.dot} ", "  ", " ")
        room = width - _LABEL - choices - 1
        gap = next((one for one in gaps if (len(self.choices) - 1) * len(one) <= room), gaps[-1])
        label = cut(self.label, width - choices - (len(self.choices) - 1) * len(gap) - 2, look.signs.cut)
        line = Line(look, width).add(f" {label}", "prompt")
        for number, (key, words) in enumerate(self.choices):
            line.add(gap if number else " ", "key_words").add(key, "key")
            line.add(f" {words}", "strong" if key == self.current else "key_words")
        return line.row()


@dataclass(slots=True)
class Confirm:
    """Yes is ``y`` alone; any other key is no. ``words``: ways to ask, the longest first; the first that
    fits is shown."""

    words: Sequence[str]
    done: Callable[[bool], None]

    def press(self, key: str, _character: str | None) -> bool:
        self.done(key == "y")
        return True

    def paste(self, text: str) -> None:
        """What is pasted confirms nothing."""

    def row(self, look: Look, width: int) -> Row:
        fitting = (words for words in self.words if width_of(words) <= width - 1)
        return Line(look, width).add(f" {next(fitting, self.words[-1])}", "prompt").row()
