"""Figures that explain themselves: labelled words, told anew with each snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from wfmon.ui.panes.facts import LABEL_WIDTH, fact
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.rows import Line, Row, rule, width_of, wrap
from wfmon.ui.views.base import Deed, Frame
from wfmon.ui.views.page import PageView

Facts = Callable[[Frame], Iterable[tuple[str, str]]]

_MOST_ROWS = 12  # of one text: PromQL is long


class FactsView(PageView):
    """``facts`` gives labels and words for what is on the screen now, so that ages go on: an empty label
    continues the one above, words that are empty make the label a heading."""

    name = "explain"
    footer: ClassVar[tuple[str, ...]] = ("back",)

    def __init__(self, title: str, facts: Facts) -> None:
        super().__init__()
        self._title = title
        self._facts = facts

    def deeds(self) -> Mapping[str, Deed]:
        return {"explain": self.shell.back}

    def title(self, frame: Frame) -> Row:
        return rule(frame.look, frame.width, f"Explained: {self._title}", frame.banner or "esc closes")

    def lines(self, frame: Frame) -> list[Row]:
        look, width = frame.look, frame.width
        if frame.snapshot is None and frame.past is not None:
            return unknown_rows(frame, frame.past)
        told = list(self._facts(frame))
        if not told:
            return [Line(look, width).add("  nothing is known of it now", "muted").row()]
        room = min(20, max(LABEL_WIDTH, *(width_of(label) + 1 for label, words in told if words)))
        rows: list[Row] = []
        for label, words in told:
            if label and not words:
                rows.append(rule(look, width, label))
                continue
            for number, part in enumerate(wrap(words, width - room, _MOST_ROWS)):
                rows.append(fact(look, width, label if number == 0 else "", (part, "text"), label_width=room))
        return rows
