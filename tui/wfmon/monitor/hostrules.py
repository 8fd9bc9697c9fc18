"""Rules about the host, which look at its course. They are loaded when a host has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wfmon.model.alert import Finding

if TYPE_CHECKING:
    from wfmon.model.course import HostCourse
    from wfmon.model.host import HostSample
    from wfmon.monitor.course import CourseKeeper
    from wfmon.monitor.rulebook import Known

MEMORY, STORAGE = "memory", "storage"


class HostRules:
    """One per judge: both rules take the same course."""

    def __init__(self) -> None:
        self._keeper: CourseKeeper | None = None

    def memory(self, known: Known) -> tuple[Finding, ...]:
        if known.host is None:
            return ()
        from wfmon.analysis.rules import memory

        return memory.evaluate(known.host, known.rules.memory, known.now, self._course(known.host))

    def storage(self, known: Known) -> tuple[Finding, ...]:
        if known.host is None:
            return ()
        from wfmon.analysis.rules import storage

        writes = self._course(known.host).writes
        return storage.evaluate(known.host, known.rules.storage, known.now, known.picture.fillings, writes)

    def _course(self, host: HostSample) -> HostCourse:
        if self._keeper is None:
            from wfmon.monitor.course import CourseKeeper

            self._keeper = CourseKeeper()
        return self._keeper.take(host)
