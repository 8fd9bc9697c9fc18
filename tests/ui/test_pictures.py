"""Pictures of whole screens; all else is asserted on text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import textual
from textual.pilot import Pilot

from support.screen import FakeDoors, look
from support.snapshots import NOW, incident, input_gone
from wfmon.model.snapshot import Snapshot
from wfmon.ui.app import WfmonApp
from wfmon.ui.keys import Keymap
from wfmon.ui.screenhost import Settings

pytestmark = pytest.mark.skipif(
    textual.__version__ != "8.2.8", reason="the pictures were taken with Textual 8.2.8"
)

Compare = Callable[..., bool]


def app(snapshot: Snapshot, theme: str = "dark") -> WfmonApp:
    settings = Settings(look(theme), Keymap(), by="joe")
    return WfmonApp(FakeDoors(snapshot), settings, refresh=3600.0, clock=lambda: NOW)


async def settle(pilot: Pilot[int]) -> None:
    await pilot.pause()


async def open_sources(pilot: Pilot[int]) -> None:
    await pilot.pause()
    await pilot.press("S")
    await pilot.pause()


@pytest.mark.parametrize("theme", ["dark", "light", "clear", "terminal"])
def test_incident_80x24(snap_compare: Compare, theme: str) -> None:
    assert snap_compare(app(incident(), theme), terminal_size=(80, 24), run_before=settle)


def test_incident_120x40(snap_compare: Compare) -> None:
    assert snap_compare(app(incident()), terminal_size=(120, 40), run_before=settle)


def test_sources_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app(input_gone()), terminal_size=(80, 24), run_before=open_sources)
