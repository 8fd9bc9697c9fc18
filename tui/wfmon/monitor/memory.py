"""What is remembered, behind the door of the same name."""

from __future__ import annotations

from wfmon.model.past import Ended, PastMoment, Series, SeriesRequest
from wfmon.model.run import Run


class NoMemory:
    """Nothing is kept; every answer says ``why``."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def moment(self, at: float) -> PastMoment:
        return PastMoment(at, None, why=self._why)

    async def series(self, request: SeriesRequest) -> Series:
        return Series(request.begin, request.end, problem=self._why)

    async def ended(self, since: float, limit: int = 200) -> Ended:
        return Ended(problem=self._why)

    async def runs(self, workflow: str, limit: int = 100) -> tuple[Run, ...]:
        return ()
