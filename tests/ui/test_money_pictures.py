"""Pictures of the views of money; all else is asserted on text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import textual
from textual.pilot import Pilot

from support.screen import FakeDoors, look
from support.snapshots import NOW
from support.spendworld import SpendMemory, rich
from wfmon.model.budget import Slo
from wfmon.model.snapshot import Snapshot
from wfmon.ui.app import WfmonApp
from wfmon.ui.keys import Keymap
from wfmon.ui.screenhost import Settings
from wfmon.ui.views.base import View
from wfmon.ui.views.executive import ExecutiveView
from wfmon.ui.views.finance import FinanceView

pytestmark = pytest.mark.skipif(
    textual.__version__ != "8.2.8", reason="the pictures were taken with Textual 8.2.8"
)

Compare = Callable[..., bool]


def app(snapshot: Snapshot) -> WfmonApp:
    doors = FakeDoors(snapshot)
    doors.memory = SpendMemory()
    return WfmonApp(doors, Settings(look(), Keymap(), by="joe"), refresh=3600.0, clock=lambda: NOW)


def showing(view: type[View]) -> Callable[[Pilot[int]], object]:
    async def before(pilot: Pilot[int]) -> None:
        await pilot.pause()
        shown = pilot.app
        assert isinstance(shown, WfmonApp)
        shown.shell.open(view())
        await pilot.pause()
        await pilot.pause()

    return before


def test_finance_120x40(snap_compare: Compare) -> None:
    assert snap_compare(app(rich()), terminal_size=(120, 40), run_before=showing(FinanceView))


def test_executive_80x24(snap_compare: Compare) -> None:
    declared = replace(rich(), slo=Slo(0.98, 30))
    assert snap_compare(app(declared), terminal_size=(80, 24), run_before=showing(ExecutiveView))
