"""The three doors of the monitor, as ``ui`` and ``cli`` use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wfmon.model.action import Action, Outcome
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.snapshot import Snapshot


class Doors(Protocol):
    """Snapshots out, pages of logs, and actions.

    ``subscribe`` calls ``deliver`` from the monitor's thread for every published snapshot (at once
    with the present one, if any) and returns the call that ends it. ``pages`` and ``act`` may be
    awaited from any event loop and be cancelled; ``act`` returns when the effect is stored.
    """

    @property
    def snapshot(self) -> Snapshot | None: ...
    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]: ...
    async def pages(self, request: LogRequest) -> LogPage: ...
    async def act(self, action: Action) -> Outcome: ...
