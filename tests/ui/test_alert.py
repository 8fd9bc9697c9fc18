"""One alert: in words, with who has it, what is affected, and what the errors say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.logdoors import LogDoors, numbered, pressed
from support.payloads import PAYLOADS
from support.screen import Stage, look
from support.snapshots import NOW, incident, input_gone
from wfmon.model.action import AckAlert, UnackAlert
from wfmon.model.alert import Ack, Alert, AlertState, Severity
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Snapshot
from wfmon.text.sanitize import safe
from wfmon.ui.panes.errortexts import ErrorTexts, error_patterns
from wfmon.ui.panes.trend import trend
from wfmon.ui.views.alert import AlertView
from wfmon.ui.views.log import LogView
from wfmon.ui.views.run import RunView
from wfmon.ui.views.runbook import RunbookView
from wfmon.ui.views.workflow import WorkflowView

ID = "a1b2c3d4e5f6"
DRAWN = """\
✖ failure_rate · invoice_extract                 critical, firing for 3m12s · ↯0
rule     failed / finished runs over 5m, surely above 5%
now      32% > 5%  (80 of 250; 99% sure it is over 25%)    usual 0.8% (500 runs)
episode  peak 33%
who      nobody has it                              runbook: runbooks/invoice.md
    32%                                      ████████████
                                       ▇▇▇▇▇▇████████████ now
     5%  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁████████████████████████ threshold
─ Failing runs ────────────────────────────────────────────────────── 2 failed ─
✖ run-9f31  14:03:21   8.8s  try 3  1.2k tok   $0.01  TimeoutError: api.example…
✖ run-9f2c  14:03:19   8.1s  try 3         –       –  TimeoutError: api.example…
─ What the errors say ──────────────────────────────────────────────────────────
   2x  TimeoutError: api.example 504 after 2 s       first 14:03:19  last 6s ago"""


def opened(
    snapshot: Snapshot, alert_id: str = ID, *, size: tuple[int, int] = (80, 24), read_only: bool = False
) -> Stage:
    stage = Stage(snapshot, size=size, read_only=read_only)
    stage.shell.open(AlertView(alert_id))
    stage.lines()
    return stage


def with_alert(**fields: object) -> Snapshot:
    base = incident()
    return replace(base, alerts=(replace(base.alerts[0], **fields), *base.alerts[1:]))  # type: ignore[arg-type]


def test_it_is_drawn() -> None:
    assert "\n".join(opened(incident()).lines()[:13]) == DRAWN


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_it_fits_every_size(size: tuple[int, int]) -> None:
    many = tuple(replace(incident().runs[0], id=f"run-{n}", error=f"E{n}") for n in range(100))
    text = opened(replace(incident(), runs=many), size=size).text()
    assert text.count("✖ run-") >= 3
    assert "What the errors say" in text


async def test_ack_and_undo_act_here() -> None:
    stage = opened(incident())
    assert "a ack" in stage.lines()[-1]
    stage.press("a")
    await pressed_until(stage, AckAlert(ID, "joe"))
    taken = replace(
        incident().alerts[0], state=AlertState.ACKED, ack=Ack("joe", NOW, NOW + 3600, comment="on it")
    )
    lines = stage.show(replace(incident(), alerts=(taken,)))
    stage.press("esc")
    assert lines[0].startswith("◆ failure_rate")
    assert lines[4].startswith("who      joe since 14:03, until 15:03, wakes in 1h  ")
    assert lines[5] == "why      on it"
    stage.press("u")
    await pressed_until(stage, UnackAlert(ID, "joe"))


async def pressed_until(stage: Stage, action: object) -> None:
    import asyncio

    for _ in range(100):
        if stage.doors.actions and stage.doors.actions[-1] == action:
            await asyncio.sleep(0)
            return
        await asyncio.sleep(0)
    raise AssertionError(stage.doors.actions)


def test_read_only_acks_nothing() -> None:
    stage = opened(incident(), read_only=True)
    assert " a ack " not in stage.lines()[-1]
    assert "read-only" in stage.press("a")[-1]
    assert stage.doors.actions == []


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (replace(incident(), acks_shared=False), "not acked  acks private to joe"),
        (with_alert(unsaved="disk full"), "NOT SAVED: disk full"),
        (
            with_alert(state=AlertState.ACKED, ack=Ack("ann", NOW, None, True)),
            "ann since 14:03, until it ends",
        ),
        (with_alert(state=AlertState.SNOOZED), "who      snoozed"),
        (with_alert(state=AlertState.RESOLVED, ended_at=NOW - 60), "nobody had it"),
    ],
)
def test_who_has_it_is_never_guessed(snapshot: Snapshot, words: str) -> None:
    assert words in opened(snapshot).text()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": AlertState.RESOLVED, "ended_at": NOW - 62}, "critical, ended 1m ago after 2m10s"),
        ({"state": AlertState.NO_DATA}, "critical, no data, for 3m12s"),
        ({"since_at_least": True}, "critical, firing for ≥ 3m"),
        ({"state": AlertState.RESOLVED, "ended_at": NOW}, "last     32% > 5%  (80 of 250 in 5m)  "),
        ({"flaps": 2}, "episode  peak 33% · went and came back 2 times"),
        ({"flaps": 4, "flapping": True}, "came back 4 times, kept open until quiet"),
        ({"flaps": 4}, "firing for 3m12s · ↯4"),
        ({"mean": 0.28, "low": 0.06}, "episode  peak 33%, mean 28%, lowest 6%"),
        ({"failed": None}, "now      32% > 5%  "),
        ({"value": None, "summary": "no data"}, "now      no data"),
    ],
)
def test_its_state_is_said_in_words(fields: dict[str, object], words: str) -> None:
    assert words in opened(with_alert(**fields)).text()


async def test_keys_lead_to_the_run_its_error_and_the_log() -> None:
    doors = LogDoors(incident(), numbered(30, errors=[20]))
    stage = opened(incident())
    stage.shell.doors = doors
    await pressed(stage, "j", "enter")
    assert isinstance(stage.shell.view, RunView)
    assert stage.shell.view.run_id == "run-9f2c"
    await pressed(stage, "q", "e")
    assert isinstance(stage.shell.view, RunView)
    assert (stage.shell.view.run_id, doors.requests[-1].anchor.value) == ("run-9f31", "newest_error")
    await pressed(stage, "q", "E")
    assert isinstance(stage.shell.view, RunView)
    assert stage.shell.view.run_id == "run-9f2c", "of this row"
    await pressed(stage, "q", "l")
    assert isinstance(stage.shell.view, LogView)
    assert stage.shell.view.workflow == "invoice_extract"


async def test_the_runbook_is_one_key_away() -> None:
    stage = opened(incident())
    await pressed(stage, "o")
    assert isinstance(stage.shell.view, RunbookView)
    assert stage.shell.view.text == "runbooks/invoice.md"
    assert "runbook" not in opened(with_alert(runbook=None)).shell.deeds()


async def test_enter_on_a_failed_run_goes_to_its_error_line() -> None:
    doors = LogDoors(incident(), numbered(30, errors=[20]))
    stage = opened(incident())
    stage.shell.doors = doors
    await pressed(stage, "enter")
    assert isinstance(stage.shell.view, RunView)
    assert doors.requests[-1].anchor.value == "newest_error"


def test_runs_that_go_on_come_after_those_that_failed_and_successes_are_left_out() -> None:
    going = Run("run-go", "invoice_extract", RunStatus.RUNNING, started_at=NOW - 5)
    done = Run("run-ok", "invoice_extract", RunStatus.SUCCESS, ended_at=NOW - 1)
    base = incident()
    lines = opened(replace(base, runs=(going, done, *base.runs))).lines()
    listed = [row.split()[1] for row in lines if " run-" in row]
    assert listed == ["run-9f31", "run-9f2c", "run-go"]
    lines = opened(replace(base, runs=(done, going))).lines()
    assert [row.split()[1] for row in lines if " run-" in row] == ["run-go", "run-ok"]


def test_without_a_log_it_says_which_setting_would_give_one() -> None:
    text = opened(replace(incident(), runs=())).text()
    assert "no log of invoice_extract is known: name its files, --logs GLOB" in text
    assert "What the errors say" not in text


def test_error_texts_are_grouped_into_patterns() -> None:
    base = incident().runs[0]
    runs = [replace(base, id=f"{n}", error=f"A {n}" if n % 3 else "B", error_at=NOW - n) for n in range(9)]
    first, second = error_patterns(
        [*runs, replace(base, error=None), replace(base, status=RunStatus.SUCCESS)]
    )
    assert (first.text, first.count, first.first, first.last) == ("A <*>", 6, NOW - 8, NOW - 1)
    assert (second.text, second.count) == ("B", 3)
    assert [one.ref for one in second.exemplars] == ["0", "3", "6"]
    secret = replace(base, error="bad api_key=abcdef123456")
    assert error_patterns([secret])[0].text == "bad api_key=<redacted>"


def test_patterns_are_found_anew_only_where_a_run_changed() -> None:
    texts, run = ErrorTexts(), incident().runs[0]
    first = texts.of([run, *incident().runs[2:]])
    assert texts.of([run]) is first
    assert texts.of([replace(run, error="other")])[0].text == "other"


def host_alert(rule: str, labels: tuple[tuple[str, str], ...], **fields: object) -> Snapshot:
    made = Alert(
        "f" * 12, rule, labels, Severity.WARNING, AlertState.FIRING, "summary words", NOW - 60, False,
        value=0.93, threshold=0.9,
    )  # fmt: skip
    return replace(input_gone(), alerts=(replace(made, **fields),))  # type: ignore[arg-type]


def test_storage_shows_its_volume() -> None:
    text = opened(host_alert("storage", (("mount", "/var/lib/wf"),)), "f" * 12).text()
    assert "rule     space used, above 90%" in text
    assert "now      93% > 90%  summary words" in text
    assert "─ /var/lib/wf ─" in text
    assert "limit    3.5G free of 50.0G" in text
    assert " 93%" in text


async def test_memory_shows_who_takes_most_and_opens_it() -> None:
    stage = opened(host_alert("memory", (("resource", "memory"),)), "f" * 12)
    text = stage.text()
    assert "size     13.1G free of 31.3G" in text
    assert "  invoice_extract                 3.0G  2 processes" in text
    stage.press("j", "enter")
    assert isinstance(stage.shell.view, WorkflowView)
    assert stage.shell.view.workflow == "research_agent"


def test_source_down_shows_the_source() -> None:
    gone = host_alert("source_down", (("source", "prom"),), threshold=120.0, unit="seconds")
    text = opened(gone, "f" * 12).text()
    assert "rule     no answer for 2m" in text
    assert "state    down: refused, for 40s" in text
    assert "why      connection refused by http://127.0.0.1:9090" in text
    assert "last     14:02:43, 44s ago: runs active tokens duration" in text


def test_an_alert_that_left_the_list_stays_readable() -> None:
    stage = opened(incident())
    lines = stage.show(replace(incident(), alerts=()))
    assert lines[0].startswith("✖ failure_rate · invoice_extract")
    assert opened(incident(), "nothere").lines()[0] == "? nothere · not listed any more"


def test_a_paused_screen_says_so() -> None:
    stage = opened(incident())
    stage.press("p")
    stage.now += 130
    assert stage.lines()[0].endswith("PAUSED 2m")


def test_the_trend_has_the_threshold_where_it_belongs() -> None:
    rows = [row.text for row in trend(look(), 80, 4, (None, 0.0, None, 0.5, 1.0), 0.5)]
    assert [row[:7].strip() for row in rows] == ["100%", "50%", "", "0%"]
    assert rows[1].rstrip().endswith("threshold")
    assert rows[0][9:13] == "   █"
    assert rows[3][9:13] == "▁ ██"
    assert rows[2][9:13] == "  ██"
    assert trend(look(), 80, 4, (None, 0.1, 0.2), 0.05) == []


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_hostile_texts_break_no_row(payload: object) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = incident()
    run = replace(base.runs[0], id=text, workflow=text, error=text)
    ack = Ack(text, NOW, None, True, comment=text)
    alert = replace(base.alerts[0], workflow=text, summary=text, runbook=text, rule=text, ack=ack)
    for size in ((60, 15), (80, 24), (120, 40)):
        snapshot = replace(base, alerts=(alert,), runs=(run,))
        assert all(row.isprintable() for row in opened(snapshot, size=size).lines())
        volume = host_alert("storage", (("mount", text),), summary=text, unsaved=text)
        host = volume.host
        assert host is not None
        host = replace(
            host, volumes=(replace(host.volumes[0], mount=text, path=text, device=text, error=text),)
        )
        assert all(row.isprintable() for row in opened(replace(volume, host=host), "f" * 12).lines())
