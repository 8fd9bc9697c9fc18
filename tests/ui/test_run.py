"""One run: its facts, its steps, its log from the newest error on."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from support.logdoors import LogDoors, line, numbered, pressed, staged
from support.payloads import PAYLOADS
from support.screen import Stage, look
from support.snapshots import NOW, incident
from support.steprun import STEPS, with_run
from wfmon.model.log import Anchor, Level
from wfmon.model.run import Run, RunStatus, Step
from wfmon.text.sanitize import safe
from wfmon.ui.panes.steps import step_rows
from wfmon.ui.views.run import RunView


def view(*, focus_error: bool = False) -> RunView:
    return RunView("invoice_extract", "run-9f31", focus_error=focus_error)


async def test_a_failed_run_is_drawn_as_a_person_reads_it() -> None:
    lines = numbered(214, errors=[200], run="run-9f31", step="extract")
    lines[200] = replace(
        lines[200], message="TimeoutError: api.example 504 after 2 s", detail=("Traceback", "x", "y")
    )
    stage, _ = await staged(view(focus_error=True), LogDoors(with_run(), lines))
    text = stage.lines()
    assert text[:8] == [
        "✖ run-9f31 · invoice_extract · failed in 8.8s, try 3 · 1.2k tok · $0.01",
        "when     14:03:12–14:03:21 · 6s ago · 2 retries · 1.1k in 100 out",
        "error    TimeoutError: api.example 504 after 2 s",
        "log      /var/log/wf/invoice.jsonl                                      app logs",
        "─ Steps ────────────────────────────────────────────────────────────────────────",
        "✓ fetch      0.4s │█",
        "✖ extract    8.4s │ ░░░░░░░░░░░░░░░░░░░██████████  gpt-x  1.1k in 100 out  try 3",
        "─ Log · paused · 1 error in 164 lines ────────────────────────────── 0s behind ─",
    ]
    at = next(number for number, row in enumerate(text) if "▶" in row)
    assert text[at] == "14:02:07.000▶ERROR  extract TimeoutError: api.example 504 after 2 s"
    assert text[at + 1] == "             │ Traceback … (⏎ opens 3 lines)"
    assert text[at - 3].endswith("line 197"), "with lines before"
    assert text[at + 4].endswith("line 203"), "and after it"


async def test_one_key_from_the_start_screen_to_the_error_line() -> None:
    doors = LogDoors(with_run(), numbered(50, errors=[30]))
    stage = Stage(doors.snapshot)
    stage.shell.doors = doors
    shown = await pressed(stage, "e")
    shown = await pressed(stage)
    assert isinstance(stage.shell.view, RunView)
    assert doors.requests[0].anchor is Anchor.NEWEST_ERROR
    assert (doors.requests[0].run, doors.requests[0].source) == ("run-9f31", "app logs")
    assert any("▶ERROR" in row and row.endswith("line 30") for row in shown)
    await pressed(stage, "q")
    assert not isinstance(stage.shell.view, RunView)


async def test_a_run_without_an_error_line_says_so_and_shows_its_end() -> None:
    stage, _ = await staged(view(focus_error=True), LogDoors(with_run(), numbered(50)))
    text = stage.lines()
    assert "no error line" in text[-1]
    assert text[-2].endswith("line 49")


async def test_a_run_without_id_shows_the_lines_of_its_time() -> None:
    run = Run(
        "email@2026#12",
        "email_triage",
        RunStatus.SUCCESS,
        started_at=NOW - 30,
        ended_at=NOW - 20,
        duration_seconds=10.0,
        has_id=False,
        source="app logs",
    )
    doors = LogDoors(replace(incident(), runs=(run,)), numbered(5))
    stage, _ = await staged(RunView("email_triage", run.id), doors)
    request = doors.requests[0]
    assert (request.run, request.workflow) == (None, "email_triage")
    assert (request.since, request.until) == (NOW - 31, NOW - 19)
    text = stage.lines()
    assert text[0] == "✓ run without id · email_triage · done in 10s"
    assert any(row.startswith("─ no run id: lines of that time · 5 lines ─") for row in text)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": RunStatus.RUNNING, "ended_at": None}, "… run-9f31 · invoice_extract · running for 15s"),
        ({"status": RunStatus.TIMEOUT}, "timed out after 8.8s"),
        ({"status": RunStatus.LOST, "duration_seconds": None}, "· lost, try 3 ·"),
        ({"status": RunStatus.CANCELLED}, "– run-9f31 · invoice_extract · cancelled after 8.8s"),
        ({"status": RunStatus.OTHER, "status_word": "skipped"}, "skipped after 8.8s"),
        ({"status": RunStatus.SUCCESS, "attempt": 1}, "✓ run-9f31 · invoice_extract · done in 8.8s · 1.2k"),
    ],
)  # fmt: skip
async def test_how_it_went_is_said_in_words(fields: dict[str, object], words: str) -> None:
    stage, _ = await staged(view(), LogDoors(with_run(**fields), numbered(3)))
    assert words in stage.lines()[0]


async def test_a_run_that_left_the_lists_keeps_its_facts_and_one_never_seen_says_so() -> None:
    stage, _ = await staged(view(), LogDoors(with_run(), numbered(3)))
    assert stage.show(replace(with_run(), runs=()))[0].startswith("✖ run-9f31 · invoice_extract · failed")
    stage, _ = await staged(RunView("w", "r"), LogDoors(with_run(), numbered(3)))
    assert stage.lines()[0] == "? r · w · not among the runs that are listed now"
    recent = {"w": (Run("r", "w", RunStatus.SUCCESS),)}
    assert stage.show(replace(with_run(), runs=(), recent=recent))[0] == "✓ r · w · done"


async def test_without_a_log_the_facts_are_there_and_the_setting_is_named() -> None:
    doors = LogDoors(with_run())
    doors.problem = "no log of invoice_extract is known; --logs GLOB would give one"
    stage, _ = await staged(view(focus_error=True), doors)
    text = stage.lines()
    assert text[2] == "error    TimeoutError: api.example 504 after 2 s"
    assert "  no log of invoice_extract is known; --logs GLOB would give one" in text
    assert "no error line" not in text[-1]


def many(count: int, failed: int | None = None) -> Run:
    steps = tuple(
        Step(f"step_{n:02}", RunStatus.ERROR if n == failed else RunStatus.SUCCESS, NOW + n, 1.0)
        for n in range(count)
    )
    return Run("r", "w", RunStatus.ERROR, started_at=NOW, steps=steps)


def test_more_steps_than_fit_show_those_about_the_failure() -> None:
    rows = [row.text.rstrip() for row in step_rows(look(), 80, many(30, failed=12), NOW, 6)]
    assert len(rows) == 6
    assert any(row.startswith("✖ step_12") for row in rows)
    assert rows[-1] == "  … 9 earlier, 16 later"
    rows = [row.text.rstrip() for row in step_rows(look(), 80, many(30), NOW, 6)]
    assert rows[-2].startswith("✓ step_29")
    assert rows[-1] == "  … 25 earlier"


def test_bars_lie_on_one_axis() -> None:
    rows = [row.text for row in step_rows(look(), 80, many(10), NOW, 20)]
    places = [(row.index("█"), row.count("█")) for row in rows]
    starts = [start for start, _ in places]
    assert starts == sorted(set(starts))
    for (start, length), (following, _) in pairwise(places):
        assert abs(start + length - following) <= 1
    assert step_rows(look(), 80, replace(many(3), steps=(Step("a", RunStatus.SUCCESS),)), NOW, 5)[
        0
    ].text.rstrip() == ("✓ a             –")


def test_a_running_step_grows() -> None:
    going = Step("b", RunStatus.RUNNING, NOW + 1)
    run = replace(many(1), steps=(many(1).steps[0], going))
    before, after = (step_rows(look(), 80, run, NOW + seconds, 5)[1].text for seconds in (2, 60))
    assert before.startswith("… b          1.0s")
    assert after.startswith("… b           59s")
    assert after.count("█") > before.count("█")


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_hostile_texts_break_no_row(payload: object) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    steps = (replace(STEPS[1], name=text, model=text, error=text),)
    run = replace(
        incident().runs[0], id=text, workflow=text, error=text, model=text, provider=text, log=text,
        source=text, steps=steps,
    )  # fmt: skip
    doors = LogDoors(replace(incident(), runs=(run,)), [line(0, text, Level.ERROR)])
    stage, _ = await staged(RunView(text, text, focus_error=True), doors)
    for shown in (*stage.lines(), *await pressed(stage, "enter")):
        assert shown.isprintable()
    doors.lines, doors.problem = [], text
    stage, _ = await staged(RunView(text, text), doors, size=(60, 15))
