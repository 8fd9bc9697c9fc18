"""Pictures of the screens that one drills down to; all else is asserted on text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import textual
from textual.pilot import Pilot

from support.logdoors import LogDoors, line
from support.screen import look
from support.snapshots import NOW, incident
from support.steprun import with_run
from wfmon.model.alert import Ack, AlertState, Note
from wfmon.model.log import Level, LogLine, Mark
from wfmon.model.ruleinfo import RuleInfo
from wfmon.model.snapshot import Snapshot
from wfmon.ui.app import WfmonApp
from wfmon.ui.keys import Keymap
from wfmon.ui.screenhost import Settings

pytestmark = pytest.mark.skipif(
    textual.__version__ != "8.2.8", reason="the pictures were taken with Textual 8.2.8"
)

Compare = Callable[..., bool]
TRACEBACK = (
    "{",
    '  "message": "TimeoutError: api.example 504 after 2 s",',
    '  "attempt": 3',
    "}",
    "traceback:",
    "  Traceback (most recent call last):",
    '    File "app.py", line 52, in do_step',
    "      call_service(call.provider)",
    "  TimeoutError: api.example 504 after 2 s",
)


def log() -> list[LogLine]:
    said = [
        ("got 3 pages from https://docs.example/?<redacted>", Level.INFO, "fetch"),
        ("extract started", Level.DEBUG, "extract"),
        ("retry 1 after 504", Level.WARN, "extract"),
        ("attempt 2", Level.NONE, None),
        ("retry 2 after 504", Level.WARN, "extract"),
        ("TimeoutError: api.example 504 after 2 s", Level.ERROR, "extract"),
        ("run failed: TimeoutError: api.example 504 after 2 s", Level.FATAL, None),
    ]
    lines = [line(n, text, level, step=step, run="run-9f31") for n, (text, level, step) in enumerate(said)]
    lines[3] = replace(lines[3], mark=Mark.ATTEMPT)
    lines[5] = replace(lines[5], detail=TRACEBACK)
    return lines


def app(snapshot: Snapshot, theme: str = "dark") -> WfmonApp:
    settings = Settings(look(theme), Keymap(), by="joe")
    return WfmonApp(LogDoors(snapshot, log()), settings, refresh=3600.0, clock=lambda: NOW)


def explained() -> Snapshot:
    """An alert with all that its screen can tell."""
    base = incident()
    alert = replace(
        base.alerts[0],
        mean=0.28,
        low=0.06,
        flaps=4,
        flapping=True,
        contributors=("extract: TimeoutError (76)", "extract: ValidationError (4)"),
        notes=(Note("ann", NOW - 90, "vendor says 504s since 13:58"), Note("joe", NOW - 30, "failing over")),
        state=AlertState.ACKED,
        ack=Ack("joe", NOW - 60, NOW + 3540, comment="calling the vendor"),
        runbook="https://wiki.example/books/invoice?team=ops",
    )
    rule = RuleInfo(alert.rule, "failed / runs, last 5m (grown to 20 runs) > 5%, 99% sure, ≥ 3 failed")
    return replace(base, alerts=(alert, *base.alerts[1:]), rules=(rule,))


def pressing(*keys: str) -> Callable[[Pilot[int]], object]:
    async def press(pilot: Pilot[int]) -> None:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()

    return press


def test_alert_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app(incident()), terminal_size=(80, 24), run_before=pressing("enter"))


def test_alert_120x40(snap_compare: Compare) -> None:
    assert snap_compare(app(explained()), terminal_size=(120, 40), run_before=pressing("enter"))


def test_runbook_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app(explained()), terminal_size=(80, 24), run_before=pressing("enter", "o"))


def test_run_at_its_error_80x24(snap_compare: Compare) -> None:
    keys = pressing("e", "E", "enter")
    assert snap_compare(app(with_run()), terminal_size=(80, 24), run_before=keys)


def test_log_with_a_search_120x40(snap_compare: Compare) -> None:
    keys = pressing("l", "slash", *"504", "enter")
    assert snap_compare(app(incident(), "light"), terminal_size=(120, 40), run_before=keys)
