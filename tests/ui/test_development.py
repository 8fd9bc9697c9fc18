"""For who wrote the workflow: which step, which attempt, which error, how slow against usual."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from support.devworld import developed, going, run
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, all_fine, crowd, incident, nothing_yet
from wfmon.model.run import RunStatus, Step
from wfmon.model.snapshot import Snapshot
from wfmon.text.sanitize import safe
from wfmon.ui.views.alert import AlertView
from wfmon.ui.views.base import View
from wfmon.ui.views.development import ERRORS, RUNS, STATS, STEPS, WORKFLOWS, DevelopmentView
from wfmon.ui.views.run import RunView
from wfmon.ui.views.workflow import WorkflowView

WIDE = (120, 40)

SMALL = """\
wfmon  prod-ai-01 · dev                 4/4 sources · prom 4s old · 14:03:27 UTC
✖ invoice_extract fails 32% (80 of 250 in 5m) since 14:00 · nobody has it
▶ Workflows ────────────────────────────────────────────────────────────────────
  WORKFLOW         RUNS  ERR%    P50    P95  xusu  RETRY  TOK/run    $/run
✖ invoice_extract   250  32.0   8.1s    41s  2.1x    154     1.2k  ~<$0.01
▲ research_agent    100   1.0      –   3m04  1.2x      1    50.8k        –
  data_processing    60   0.0      –   5.2s  1.0x      –        –        –
  email_triage       18   0.0      –   9.8s  0.9x      0      571        –
  nightly_report      0     –      –      –     –      –        –        –
─ Steps of run-0000 ───── newest that failed · failed in 7.4s · try 3 · 6s ago ─
✓ fetch      0.4s │██
✖ extract    7.0s │ ░░░░░░░░░░░░░░░░░░░░█████████  gpt-x  1.1k in 100 out  try 3
  TimeoutError: api.example 504 after 0 s
─ invoice_extract ────────────────────────────────────────── usual of 500 runs ─
duration this run 7.4s, under the usual p50 · usual p50 7.8s  p95 20s  p99 29s
retries  this run 2 · 154 in 5m · 20 of 60 recent runs were tried again
calls    openai 120.0/min, 3.0/min of them failed · acme 30.0/min · this run: o…
─ Slowest steps ───────────────────────────────────────────── the last 61 runs ─
  STEP      SHARE     P50     P95     N  FAILED  RETRIES
✖ extract     88%    6.0s    7.0s    60      20       41  1 going on
  store      6.2%    0.6s    0.6s    40       0        0
─ What the errors say ──────────────────────────────────────────────────────────
  20x  TimeoutError: api.example 504 after <*> s     first 13:54:48  last 6s ago
"""


def staged(snapshot: Snapshot | None = None, size: tuple[int, int] = (80, 24)) -> Stage:
    return Stage(snapshot or developed(), view=DevelopmentView(), size=size)


def view_of(stage: Stage) -> DevelopmentView:
    view = stage.shell.views[0]
    assert isinstance(view, DevelopmentView)
    return view


def test_a_small_screen_tells_which_step_attempt_and_error() -> None:
    lines = staged().lines()
    assert "\n".join(lines[:-1]) + "\n" == SMALL
    assert lines[-1].startswith(" ⏎ open  tab next pane  e error  l log  i explain  a ack")


def test_a_large_screen_has_every_pane() -> None:
    text = staged(size=WIDE).text()
    for words in (
        "RUNS  ERR%  usual    P50    P95  xusu  RETRY  TOK/run    $/run    LAST",
        "─ Runs of invoice_extract ─",
        "─ 20 failed, 1 running, 40 others ─",
        "… run-beef  14:03:06    21s                –  running",
        "✖ extract    7.0s │   ░░░",
        "p50 7.8s                    p95 20s                p99 29s",
        "this run: openai 3",
        "✖ extract   █████████░    88%",
        "  20x  TimeoutError: api.example 504 after <*> s",
    ):
        assert words in text, words


def test_tab_goes_through_the_panes_and_each_gets_room() -> None:
    stage = staged()
    view = view_of(stage)
    seen = []
    for _ in range(6):
        seen.append(view.focus)
        titles = [line for line in stage.lines() if line.startswith("▶ ")]
        assert len(titles) == 1, "the pane with the cursor says so"
        stage.press("tab")
    assert seen == [WORKFLOWS, RUNS, STEPS, STATS, ERRORS, WORKFLOWS]
    stage.press("shift-tab", "shift-tab")
    assert view.focus == ERRORS


def test_moving_stays_in_its_pane_and_all_below_follows() -> None:
    stage = staged()
    view = view_of(stage)
    lines = stage.press("j")
    assert any("─ Steps ─" in line or "Steps of run-7a01" in line for line in lines)
    assert any("─ research_agent ─" in line for line in lines)
    stage.press("G")
    assert view.focus == WORKFLOWS
    assert "no log of nightly_report is known" in stage.text()
    stage.press("g")
    stage.press("tab", "j", "j")
    assert view.run is not None
    assert view.run.id == "run-0002"
    assert "Steps of run-0002" in stage.text()


def test_a_run_that_a_person_chose_stays_and_else_the_newest_that_tells_most_is_shown() -> None:
    stage = staged()
    view = view_of(stage)
    assert view.run is not None
    assert view.run.id == "run-0000", "of a workflow in trouble the newest that failed"
    newer = replace(run(99, 1.0, failed=True), id="newer")
    base = developed()
    later = replace(base, runs=(newer, *base.runs))
    stage.now += 2
    stage.show(later)
    assert view.run.id == "run-0000", "for some seconds, or nobody could read it"
    stage.now += 5
    stage.lines()
    assert view.run is not None
    assert view.run.id == "newer"
    stage.press("tab", "j")
    chosen = view.run.id
    stage.now += 60
    stage.show(replace(later, runs=(replace(newer, id="newest"), *later.runs)))
    assert view.run.id == chosen
    calm = replace(base, alerts=(), runs=base.runs[2:])
    recent = {"invoice_extract": base.recent["invoice_extract"][:-1]}
    assert "newest · done in" in staged(replace(calm, recent=recent)).text(), "else the newest that ended"


def test_until_a_key_is_pressed_the_cursor_is_on_what_needs_a_person_most() -> None:
    stage = staged(all_fine())
    assert view_of(stage).workflow is not None
    stage.show(developed())
    assert "Steps of run-0000" in stage.text()
    stage.press("j")
    moved = view_of(stage).workflow
    assert moved is not None
    stage.now += 60
    stage.show(incident())
    stage.show(developed())
    here = view_of(stage).workflow
    assert here is not None
    assert here.name == moved.name


def test_while_it_learns_it_says_of_how_many() -> None:
    stage = staged()
    assert "─ learning 7/20 ─" in "\n".join(stage.press("G"))


def test_enter_opens_what_the_row_is_about() -> None:
    stage = staged()
    stage.press("enter")
    assert isinstance(stage.shell.view, WorkflowView)
    stage.press("esc", "enter", "esc")
    assert view_of(stage).focus == WORKFLOWS


@pytest.mark.parametrize(
    ("tabs", "expected"), [(1, "run-0000"), (2, "run-0000"), (3, "run-0000"), (4, "run-0000")]
)
async def test_enter_opens_the_run(tabs: int, expected: str) -> None:
    stage = staged()
    await stage.arrived(*["tab"] * tabs, "enter")
    view = stage.shell.view
    assert isinstance(view, RunView)
    assert view.run_id == expected
    stage.shell.closed()


async def test_the_slowest_run_of_a_step_is_one_key_away() -> None:
    base = developed()
    slow = replace(base.recent["invoice_extract"][0], id="slow")
    step = replace(slow.steps[0], duration_seconds=900.0, name="crawl")
    slow = replace(slow, steps=(step,))
    snapshot = replace(base, recent={"invoice_extract": (slow, *base.recent["invoice_extract"])})
    stage = staged(snapshot)
    await stage.arrived("tab", "tab", "tab", "enter")
    assert isinstance(stage.shell.view, RunView)
    assert stage.shell.view.run_id == "slow"
    stage.shell.closed()


@pytest.mark.parametrize(
    ("tabs", "words"),
    [
        (0, ("Explained: invoice_extract", "errors   32%: 80 failed of 250 finished runs in 5m")),
        (1, ("Explained: run-0000", "~<$0.01 = tokens by kind x price", "gpt-x: ", "openai/gpt-x")),
        (2, ("Explained: step fetch of run-0000", "from its first attempt's begin")),
        (3, ("Explained: step extract of invoice_extract", "61 runs", "= its time / the time of")),
        (4, ("Explained: an error of invoice_extract", "20 runs that failed with it", "run-0000: ")),
    ],
)
def test_i_explains_the_row_of_every_pane(tabs: int, words: tuple[str, ...]) -> None:
    stage = staged(size=(100, 70))
    stage.press(*["tab"] * tabs)
    text = "\n".join(stage.press("i"))
    for each in words:
        assert each in text, text
    stage.press("i")
    assert stage.shell.view is view_of(stage)


def test_light_parts_of_a_bar_are_attempts_that_another_followed() -> None:
    stage = staged()
    text = "\n".join(stage.press("tab", "tab", "j", "i"))
    assert "attempts 3; the light part of the bar" in text
    assert "all of them took 7.0s, the log tells 2.0s of the last" in text


def test_the_filter_narrows_and_says_so() -> None:
    stage = staged()
    lines = stage.press("/", *"agent", "enter")
    assert any("/agent · 1 of 5" in line for line in lines)
    assert "data_processing" not in "\n".join(lines[2:])
    stage.press("esc", "/", *"zzz", "enter")
    assert 'no workflow matches "zzz"' in stage.text()
    stage.press("esc")
    assert "data_processing" in stage.text()


def test_the_alert_of_the_workflow_is_acked_from_here() -> None:
    stage = staged()
    stage.press("a", "enter")
    assert [type(action).__name__ for action in stage.doors.actions] == ["Ack"] or stage.doors.actions


def test_a_workflow_without_logs_and_one_without_steps_say_why() -> None:
    assert "no log of research_agent" not in staged(incident()).text()
    bare = replace(incident(), runs=())
    assert "no log of invoice_extract is known" in staged(bare).text()
    assert "no step of it is known" in staged(incident()).text()


def test_what_is_not_known_is_not_zero() -> None:
    base = incident()
    lines = staged(replace(base, runs=(), recent={})).lines()
    row = next(line for line in lines if "data_processing" in line).split()
    assert row[-3:] == ["–", "–", "–"], "retries, tokens, money"
    assert (
        "what is usual is not known yet"
        in staged(replace(base, workflows=tuple(replace(one, usual=None) for one in base.workflows))).text()
    )


def test_before_anything_is_known_it_says_what_it_waits_for() -> None:
    assert "starting" in Stage(None, view=DevelopmentView()).text()
    assert "Nothing reports runs here yet" in staged(nothing_yet()).text()


def test_nothing_is_reckoned_or_drawn_anew_while_the_parts_are_the_same() -> None:
    stage = staged(size=WIDE)
    view = view_of(stage)
    before = {row.key: row for row in stage.shell.draw(*WIDE) if row.key and row.key.startswith(("w:", "r:"))}
    stats, errors, runs = view._chosen.stats, view._chosen.errors, view._chosen.runs
    known = developed()
    snapshot = stage.shell.snapshot
    assert snapshot is not None
    stage.show(replace(snapshot, at=known.at + 1))
    after = {row.key: row for row in stage.shell.draw(*WIDE) if row.key and row.key.startswith(("w:", "r:"))}
    assert (view._chosen.stats, view._chosen.errors, view._chosen.runs) == (stats, errors, runs)
    assert view._chosen.stats is stats
    assert view._chosen.runs is runs
    assert all(after[key] is row for key, row in before.items() if key != "r:run-beef")


def test_a_click_goes_to_the_pane_and_the_row() -> None:
    stage = staged()
    view = view_of(stage)
    lines = stage.lines()
    at = next(number for number, line in enumerate(lines) if line.startswith("✓ fetch"))
    stage.shell.click(5, at)
    assert view.focus == STEPS
    at = next(number for number, line in enumerate(lines) if line.startswith("▲ research"))
    stage.shell.click(5, at)
    assert view.focus == WORKFLOWS
    assert view.workflow is not None
    assert view.workflow.name == "research_agent"
    stage.shell.click(5, 1)
    assert not isinstance(stage.shell.view, AlertView)


def test_crowds_scroll() -> None:
    stage = staged(crowd(300))
    assert "1–" in stage.lines()[2]
    assert "of 300" in stage.lines()[2]
    assert "–300 of 300" in stage.press("G")[2]


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (120, 40), (200, 60)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_it_fits_any_size(size: tuple[int, int], ascii_only: bool) -> None:
    stage = Stage(developed(), view=DevelopmentView(), size=size, ascii_only=ascii_only)
    for key in ("tab", "j", "tab", "j", "tab", "j", "tab", "j", "tab"):
        lines = stage.press(key)
        assert not ascii_only or all(line.isascii() for line in lines)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_hostile_names_break_no_row(payload: object) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = developed()
    bad = replace(
        going(),
        id=text,
        workflow=text,
        model=text,
        error=text,
        status=RunStatus.ERROR,
        steps=(Step(text, RunStatus.ERROR, NOW - 9, 1.0, 3, text, error=text, ended_at=NOW - 2),),
        calls=((text, 3),),
    )
    snapshot = replace(
        base,
        workflows=(replace(base.workflows[2], name=text),),
        runs=(bad,),
        recent={text: (bad,)},
        calls=(replace(base.calls[0], provider=text, workflow=text),),
    )
    stage = staged(snapshot, (200, 60))
    for keys in ([], ["i"], ["i", "tab", "i"], ["i", "tab", "i"], ["i", "tab", "i"], ["i", "tab", "i"]):
        lines = stage.press(*keys)
        assert all(cell_len(line) <= 200 for line in lines)
        assert all(line.isprintable() for line in lines)


def test_the_past_says_what_is_not_kept() -> None:
    view: View = DevelopmentView()
    stage = Stage(all_fine(), view=view)
    assert "invoice_extract" in stage.text()
