"""What ended, and what changed beside it."""

from __future__ import annotations

from wfmon.ui.rows import Row
from wfmon.ui.views.base import Frame, View


class EndedView(View):
    name = "ended"

    def rows(self, frame: Frame) -> list[Row]:
        return []
