"""One workflow: its figures with their sources, its runs with what fails first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.logdoors import LogDoors, numbered, pressed
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, incident, input_gone
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Snapshot
from wfmon.text.sanitize import safe
from wfmon.ui.views.log import LogView
from wfmon.ui.views.run import RunView
from wfmon.ui.views.workflow import WorkflowView

DRAWN = """\
✖ invoice_extract · 4 active · last run failed 2s ago
alert    ✖ failure_rate  32% (80 of 250 in 5m)                         for 3m12s
─ Figures ─────────────────────────────────────────────────────────────── from ─
errors   32%  80 of 250 in 5m  usual 0.8% (500 runs)     ▁▁▁▁▂▂▁▁▄▅▇████    prom
runs     50.0/min · 170 success, 76 error, 4 timeout                        prom
         usual 48.3/min at this hour (21 hours), 1.0x
duration p50 8.1s  p95 41s  usual p50 7.8s  p95 20s  p99 29s, p95 is 2.1x
tokens   8.1k/min                                                        workers
cost     $1.10/h  usual $0.95/h at this hour (21 hours), 1.2x            workers
retries  154
calls    150.0/min
memory   3.0G in 2 processes, cpu 60% of one core  pid 4001 4002            host
usual    of 500 runs since 02-18 14:03 · 3 hours of alerts left out
─ Runs ────────────────────────────────────────────────────────────── 2 failed ─
✖ run-9f31  14:03:21   8.8s  try 3  1.2k tok   $0.01  TimeoutError: api.example…
✖ run-9f2c  14:03:19   8.1s  try 3         –       –  TimeoutError: api.example…"""


def opened(snapshot: Snapshot, name: str = "invoice_extract", size: tuple[int, int] = (80, 24)) -> Stage:
    stage = Stage(snapshot, size=size)
    stage.shell.open(WorkflowView(name))
    stage.lines()
    return stage


def listed(lines: list[str]) -> list[str]:
    return [row.split()[1] for row in lines if " run-" in row]


def test_it_is_drawn() -> None:
    assert "\n".join(opened(incident()).lines()[:16]) == DRAWN


def test_what_is_not_known_is_named_and_never_zero() -> None:
    text = opened(incident(), "data_processing").text()
    assert "unknown  tokens, cost, retries, calls, memory" in text
    base = incident()
    bare = replace(base.workflows[0], runs=None, runs_per_minute=None, duration_p95_seconds=None)
    text = opened(replace(base, workflows=(bare,)), "data_processing").text()
    assert "unknown  errors, runs, duration, tokens" in text


def test_no_run_in_the_window_is_no_ratio() -> None:
    assert "errors   no finished run in 6h" in opened(incident(), "nightly_report").text()


def test_figures_of_a_source_that_is_gone_are_marked() -> None:
    lines = opened(input_gone()).lines()
    row = next(row for row in lines if row.startswith("errors"))
    assert row.endswith("? prom")
    assert next(row for row in lines if row.startswith("tokens")).endswith(" workers")


def history() -> Snapshot:
    base = incident()
    done = tuple(
        Run(f"run-ok{n}", "invoice_extract", RunStatus.SUCCESS, ended_at=NOW - 100 + n) for n in range(60)
    )
    old = Run("run-old", "invoice_extract", RunStatus.ERROR, ended_at=NOW - 90_000, error="Old")
    going = Run("run-go", "invoice_extract", RunStatus.RUNNING, started_at=NOW - 5)
    return replace(base, runs=(going, *base.runs, *done[-3:]), recent={"invoice_extract": (old, *done)})


def test_failing_runs_come_first_then_running_then_the_newest() -> None:
    lines = opened(history(), size=(80, 40)).lines()
    assert listed(lines)[:6] == ["run-9f31", "run-9f2c", "run-old", "run-go", "run-ok59", "run-ok58"]
    assert "3 failed, 1 running, 60 others" in "\n".join(lines)
    assert any("run-old   03-01 13:03" in row for row in lines), "with the day where it is not today's"


def test_that_older_runs_are_left_out_is_said() -> None:
    done = tuple(Run(f"run-{n}", "invoice_extract", RunStatus.SUCCESS, ended_at=NOW - n) for n in range(100))
    text = opened(replace(incident(), recent={"invoice_extract": done})).text()
    assert "2 failed, 100 others, older ones left out" in text


def test_the_list_stands_still_while_a_person_moves() -> None:
    stage = opened(history(), size=(80, 40))
    stage.press("j", "j", "j")
    assert stage.cursor_line().startswith("… run-go")
    late = replace(incident().runs[0], id="run-new", ended_at=NOW)
    changed = replace(history(), runs=(late, *history().runs))
    stage.now += 2
    lines = stage.show(changed)
    assert listed(lines)[0] == "run-9f31"
    assert "1 new below" in "\n".join(lines)
    assert stage.cursor_line().startswith("… run-go")
    stage.now += 6
    assert listed(stage.lines())[0] == "run-new"
    assert stage.cursor_line().startswith("… run-go"), "the cursor stays on its run"


async def test_keys_lead_to_runs_errors_and_the_log() -> None:
    stage = opened(history())
    stage.shell.doors = LogDoors(history(), numbered(30, errors=[20]))
    await pressed(stage, "enter")
    assert isinstance(stage.shell.view, RunView)
    await pressed(stage, "q", "G")
    assert "row_error" not in stage.shell.deeds(), "a run that succeeded has no error line"
    await pressed(stage, "e")
    assert isinstance(stage.shell.view, RunView)
    assert stage.shell.view.run_id == "run-9f31"
    await pressed(stage, "q", "l")
    assert isinstance(stage.shell.view, LogView)
    await pressed(stage, "q")
    assert "a ack" in stage.lines()[-1]


def test_a_page_moves_by_what_is_seen() -> None:
    stage = opened(history())
    seen = sum(" run-" in row for row in stage.lines())
    stage.press("pgdn")
    assert stage.view is not stage.shell.view
    assert stage.shell.view.cursor.index == seen


def test_a_workflow_that_is_not_seen_any_more_says_so() -> None:
    stage = opened(incident())
    lines = stage.show(replace(incident(), workflows=()))
    assert lines[0] == "? invoice_extract · not seen now"
    assert "80 of 250" in "\n".join(lines), "with what was last known"


def test_an_ended_alert_is_told() -> None:
    text = opened(incident(), "email_triage").text()
    assert "alert    failure_rate ended 6m ago: 32% (8 of 25 in 5m)" in text


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_it_fits_every_size(size: tuple[int, int]) -> None:
    lines = opened(history(), size=size).lines()
    assert len(listed(lines)) >= 5


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_hostile_texts_break_no_row(payload: object) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = incident()
    workflow = replace(base.workflows[2], name=text, origin=(("runs", text), ("tokens", text)))
    run = replace(base.runs[0], id=text, workflow=text, error=text, status_word=text)
    alert = replace(base.alerts[0], workflow=text, summary=text, rule=text)
    snapshot = replace(base, workflows=(workflow,), runs=(run,), alerts=(alert,))
    for size in ((60, 15), (80, 24)):
        assert all(row.isprintable() for row in opened(snapshot, text, size).lines())
