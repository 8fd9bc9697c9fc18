"""Rules about the host, which look at its course."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wfmon.analysis.rules import memory, storage
from wfmon.model.alert import Finding
from wfmon.monitor.course import CourseKeeper

if TYPE_CHECKING:
    from wfmon.monitor.rulebook import Known


class HostRules:
    """One per judge: both rules take the same course."""

    def __init__(self) -> None:
        self._keeper = CourseKeeper()

    def memory(self, known: Known) -> tuple[Finding, ...]:
        course = self._keeper.take(known.host)
        return memory.evaluate(known.host, known.rules.memory, known.now, course)

    def storage(self, known: Known) -> tuple[Finding, ...]:
        course = self._keeper.take(known.host)
        return storage.evaluate(
            known.host, known.rules.storage, known.now, known.picture.fillings, course.writes
        )
