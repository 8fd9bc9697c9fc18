"""What the monitor itself costs."""

from __future__ import annotations

from typing import ClassVar

from wfmon.text import numbers
from wfmon.ui.rows import Line, Row, rule
from wfmon.ui.shell import Shell
from wfmon.ui.views.base import Frame
from wfmon.ui.views.page import PageView


class PerfView(PageView):
    name = "perf"
    timed: ClassVar[bool] = False

    def __init__(self, costs: Shell) -> None:
        super().__init__()
        self._costs = costs

    def title(self, frame: Frame) -> Row:
        return rule(frame.look, frame.width, "What wfmon-tui costs", "esc closes")

    def lines(self, frame: Frame) -> list[Row]:
        age = None if frame.snapshot is None else max(0.0, frame.now - frame.snapshot.at)
        facts = [("snapshot age", numbers.age(age)), *self._costs.costs()]
        return [
            Line(frame.look, frame.width).add("  ").add(label, "muted", 24).add(value).row()
            for label, value in facts
        ]
