"""The views of money over a history as it is on disk: what was written is what stands on the screen."""

from __future__ import annotations

from pathlib import Path

from support.screen import FakeMemory, Stage
from support.snapshots import DAY, NOW
from support.spendworld import MIDNIGHT, rich
from wfmon.model.history import Batch, Role, Watched
from wfmon.model.prices import EMPTY
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.model.spend import Priced, SpendRequest
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir
from wfmon.ui.views.base import View
from wfmon.ui.views.executive import ExecutiveView
from wfmon.ui.views.finance import FinanceView

SETTINGS = HistorySettings()


class Reading(FakeMemory):
    def __init__(self, state: StateDir) -> None:
        super().__init__()
        self._reader = HistoryReader(state, SETTINGS)

    async def spending(self, request: SpendRequest) -> Priced:
        found = self._reader.spending(request)
        return Priced(found, EMPTY, self._reader.dearest(request.begin, request.end, EMPTY, 10))


def written(path: Path) -> StateDir:
    """A run each hour since yesterday at midnight, each for $0.50; every fifth of today failed."""
    state = StateDir(path, shared=False)
    writer = HistoryWriter(state, SETTINGS)
    begin = MIDNIGHT - DAY
    writer.begin(1, 1, "me", "0", begin)
    for number in range(38):
        ended = begin + number * 3600 + 60
        bad = ended >= MIDNIGHT and number % 5 == 0
        status = RunStatus.ERROR if bad else RunStatus.SUCCESS
        usage = Usage(1_000, 100, total=1_100, cost_usd=0.5)
        run = Run(
            f"r{number}", "w", status, ended - 5, ended, 5.0, usage=usage, source="log", model="m",
            provider="p",
        )  # fmt: skip
        watched = Watched("log", Role.LOGS, begin, ended + 600)
        writer.write(Batch(ended + 600, runs=(run,), watched=(watched,)))
    return state


async def shown(view: View, path: Path, *keys: str) -> str:
    stage = Stage(rich(), size=(120, 40))
    stage.doors.memory = Reading(written(path))
    stage.shell.open(view)
    return "\n".join(await stage.arrived(*keys))


async def test_finance(tmp_path: Path) -> None:
    text = await shown(FinanceView(), tmp_path, "b", "b", "d")
    assert "─ $19.00 by workflow ─" in text
    assert "only 1d" in text, "five days before it are not known"
    assert "  $1.50 (7.9%) on failed, cancelled and retried work · most: w $1.50" in text
    assert "$0.54 for each successful run (35)" in text
    assert "✓       $0.50  w         r0 " in text


async def test_executive(tmp_path: Path) -> None:
    text = await shown(ExecutiveView(), tmp_path)
    failed = sum(number % 5 == 0 for number in range(24, 38))
    assert f"{100 * (1 - failed / 14):.1f}% of 14 " in text
    assert "as before" in text, "14 runs until 14:00 yesterday, 14 today"
    assert f"${failed / 2:.2f} (" in text
    assert f"only {round((NOW - MIDNIGHT + DAY) / DAY)} days known" in text
