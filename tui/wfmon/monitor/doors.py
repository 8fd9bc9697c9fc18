"""The doors of the monitor, as ``ui`` and ``cli`` use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wfmon.model.action import Action, Outcome
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.past import Ended, PastMoment, Series, SeriesRequest
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Priced, SpendRequest


class Memory(Protocol):
    """Questions about the past. Each may be awaited from any event loop and be cancelled; none raises:
    what cannot be answered says why in the answer."""

    async def moment(self, at: float) -> PastMoment:
        """The screen as it was at ``at``."""
        ...

    async def series(self, request: SeriesRequest) -> Series: ...
    async def ended(self, since: float, limit: int = 200) -> Ended:
        """Episodes that ended after ``since``, and what changed since then."""
        ...

    async def runs(self, workflow: str, limit: int = 100) -> tuple[Run, ...]:
        """The newest finished runs that are kept of a workflow, oldest first."""
        ...

    async def spending(self, request: SpendRequest) -> Priced:
        """What was used and spent, with the prices that hold for it."""
        ...


class Doors(Protocol):
    """Snapshots out, pages of logs, actions, and what is remembered.

    ``subscribe`` calls ``deliver`` from the monitor's thread for every published snapshot (at once
    with the present one, if any) and returns the call that ends it. ``pages`` and ``act`` may be
    awaited from any event loop and be cancelled; ``act`` returns when the effect is stored.
    """

    @property
    def snapshot(self) -> Snapshot | None: ...
    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]: ...
    async def pages(self, request: LogRequest) -> LogPage: ...
    async def act(self, action: Action) -> Outcome: ...
    @property
    def memory(self) -> Memory: ...
    def rest(self) -> None:
        """The process is about to be stopped by its person: what others wait for is given up."""
        ...
