"""What many messages say: grouped into patterns, ``TimeoutError: <*> 504 after <*> s``, and counted.

What looks like a value (a number, an id, an address, a path, a quoted text) is taken out of each message;
messages that are equal without their values are one group. A value that is the same in the whole group
goes back into its text; a word without digits or an HTTP status (``'total'``, ``api.example``, ``504``)
that takes at most ``FEW`` forms splits the group instead, since it says what fails. At last texts that
differ in one and the same word, ``MANY`` of them or more, become one.

Nothing depends on the order of the messages, so that two screens say the same, and equal messages have
the same pattern. That is why this is no online algorithm: Drain (He et al., ICWS 2017; as a library
drain3 0.9.11: MIT, pins cachetools 4.2.1 and jsonpickle 1.5.1, 90 ms and 10 MB to import) makes its
templates while it reads, so that the order decides what is joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from wfmon.model.record import dataclass

ANY = "<*>"
FEW = 3  # forms of a telling value that are told apart
MANY = 5  # texts that differ in one word from which on it is taken for a value
EXEMPLARS = 3
LONGEST = 400  # characters of a message that are looked at
MOST_SHAPES = 2_000  # groups that are told apart; the messages of all others are counted as ``<*>``
_MOST_WORDS = 30  # of a text that is compared word by word
_CUT = "…"

# Ordered: the first that fits a place takes it. Each is linear: none begins within a word.
_VALUE = (
    r"(?<!\w)(?:'[^']{1,80}'|\"[^\"]{1,80}\"|`[^`]{1,80}`)"
    r"|\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s\"'<>]+"
    r"|(?<![\w.@+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w/.])\.{0,2}(?:/[\w.@%+~-]+){2,}/?"
    r"|(?<![\w.+:-])[\w.+:-]*\d(?:[\w.+:-]*\w)?"
    r"|(?<![\w.-])[a-z][\w-]*(?:\.[a-z][\w-]*)+(?::\d+)?(?![\w(])"
)
_STATUS = re.compile("[45][0-9][0-9]")
_HOLE = "\0"  # stands for a value in a shape; no safe text has it


@dataclass(frozen=True, slots=True)
class Message:
    """``at`` in POSIX seconds, None where not known. ``ref`` is the caller's own name of it (a run, a
    line)."""

    text: str
    at: float | None = None
    workflow: str | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """``text`` has ``<*>`` where the messages differ; ``first`` and ``last`` are of those whose time is
    known; ``workflows`` are sorted; ``exemplars``: the newest few messages, newest first."""

    text: str
    count: int
    first: float | None
    last: float | None
    workflows: tuple[str, ...]
    exemplars: tuple[Message, ...]

    def holds(self, text: str) -> bool:
        """Whether a message could be one of the pattern: its fixed parts are there in their order."""
        text = _shortened(text)
        head, *rest = self.text.split(ANY)
        if not rest:
            return text == head
        tail = rest.pop()
        at = len(head)
        for part in rest:
            found = text.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return text.startswith(head) and text.endswith(tail) and at + len(tail) <= len(text)


class _Group:
    """Messages of one shape. ``values``: one of each hole, None where they differ."""

    __slots__ = ("count", "exemplars", "first", "last", "values", "workflows")

    def __init__(self, values: tuple[str, ...] = ()) -> None:
        self.count = 0
        self.first: float | None = None
        self.last: float | None = None
        self.values: list[str | None] = list(values)
        self.workflows: set[str] = set()
        self.exemplars: list[Message] = []

    def take(self, message: Message, values: tuple[str, ...]) -> None:
        self.count += 1
        self._between(message.at, message.at)
        self.values = [old if old == new else None for old, new in zip(self.values, values, strict=True)]
        if message.workflow is not None:
            self.workflows.add(message.workflow)
        self._keep([message])

    def join(self, other: _Group) -> None:
        self.count += other.count
        self._between(other.first, other.last)
        pairs = zip(self.values, other.values, strict=False)
        self.values = [old if old == new else None for old, new in pairs]
        self.workflows |= other.workflows
        self._keep(other.exemplars)

    def _between(self, first: float | None, last: float | None) -> None:
        if first is not None:
            self.first = first if self.first is None else min(self.first, first)
        if last is not None:
            self.last = last if self.last is None else max(self.last, last)

    def _keep(self, messages: list[Message]) -> None:
        newest = self.exemplars[-1] if len(self.exemplars) == EXEMPLARS else None
        if newest is None or any(_age(one) < _age(newest) for one in messages):
            self.exemplars = sorted({*self.exemplars, *messages}, key=_age)[:EXEMPLARS]


def patterns(messages: Iterable[Message]) -> tuple[Pattern, ...]:
    """The patterns of ``messages``, the most frequent first; their counts add up to all messages.

    With more than ``MOST_SHAPES`` different shapes those that came first are told apart.
    """
    found = [
        (text, group) for shape, groups in _grouped(messages).items() for text, group in _split(shape, groups)
    ]
    made = [
        Pattern(
            text,
            group.count,
            group.first,
            group.last,
            tuple(sorted(group.workflows)),
            tuple(group.exemplars),
        )
        for text, group in _joined(found)
    ]
    return tuple(sorted(made, key=lambda one: (-one.count, -(one.last or 0.0), one.text)))


def _grouped(messages: Iterable[Message]) -> dict[str, dict[tuple[str, ...], _Group]]:
    """By shape, then by the telling values in it (empty text: a value that tells nothing)."""
    shapes: dict[str, dict[tuple[str, ...], _Group]] = {}
    held = 0
    for message in messages:
        shape, values = _shape(_shortened(message.text))
        telling = tuple(value if _tells(value) else "" for value in values)
        groups = shapes.get(shape)
        if groups is None or telling not in groups:
            if held >= MOST_SHAPES:
                shape, values, telling = _HOLE, ("",), ("",)
            groups = shapes.setdefault(shape, {})
            if telling not in groups:
                held += 1
                groups[telling] = _Group(values)
        groups[telling].take(message, values)
    return shapes


def _split(shape: str, groups: dict[tuple[str, ...], _Group]) -> Iterator[tuple[str, _Group]]:
    """One group for each combination of those telling values that are few."""
    forms = [set(column) for column in zip(*groups, strict=True)]
    kept = [len(column) <= FEW and "" not in column for column in forms]
    whole: dict[tuple[str, ...], _Group] = {}
    for telling, group in groups.items():
        key = tuple(value if keep else "" for value, keep in zip(telling, kept, strict=True))
        known = whole.get(key)
        if known is None:
            whole[key] = group
        else:
            known.join(group)
    for group in whole.values():
        yield _filled(shape, group.values), group


def _joined(found: list[tuple[str, _Group]]) -> list[tuple[str, _Group]]:
    """Texts that differ in one word only, where there are many of them. The first word stays: it says
    what went wrong."""
    by_text: dict[str, _Group] = {}
    for text, group in found:
        known = by_text.get(text)
        if known is None:
            by_text[text] = group
        else:
            known.join(group)
    for joint, texts in _alike(by_text):
        present = [text for text in texts if text in by_text]
        if len(present) >= MANY:
            into = by_text.pop(present[0])
            for text in present[1:]:
                into.join(by_text.pop(text))
            if joint in by_text:
                into.join(by_text.pop(joint))
            by_text[joint] = into
    return list(by_text.items())


def _alike(texts: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Texts with one word taken out, and which they were; the largest groups first."""
    alike: dict[str, list[str]] = {}
    for text in texts:
        words = text.split(" ")
        if len(words) <= _MOST_WORDS:
            for number in range(1, len(words)):
                if words[number] != ANY:
                    joint = " ".join((*words[:number], ANY, *words[number + 1 :]))
                    alike.setdefault(joint, []).append(text)
    large = [(joint, sorted(group)) for joint, group in alike.items() if len(group) >= MANY]
    return sorted(large, key=lambda one: (-len(one[1]), one[0]))


@lru_cache(maxsize=4096)
def _shape(text: str) -> tuple[str, tuple[str, ...]]:
    """``text`` with a hole for each value, and the values."""
    values: list[str] = []

    def take(match: re.Match[str]) -> str:
        values.append(match.group())
        return _HOLE

    return re.sub(_VALUE, take, text), tuple(values)


def _filled(shape: str, values: list[str | None]) -> str:
    head, *rest = shape.split(_HOLE)
    return head + "".join((value or ANY) + part for value, part in zip(values, rest, strict=True))


def _tells(value: str) -> bool:
    """Whether a value says what fails rather than which one, how much or when."""
    return _STATUS.fullmatch(value) is not None or not any(char.isdigit() for char in value)


def _shortened(text: str) -> str:
    text = text.replace(_HOLE, " ")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + _CUT


def _age(message: Message) -> tuple[float, str, str, str]:
    """Sort key: the newest first, what has no time last."""
    at = message.at if message.at is not None else float("-inf")
    return -at, message.text, message.workflow or "", message.ref
