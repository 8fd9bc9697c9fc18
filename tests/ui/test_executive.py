"""The executive view: three times with their change, targets in words, and no more than is known."""

from __future__ import annotations

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import DAY, NOW, nothing_yet
from support.spendworld import BOOK, HOUR, MIDNIGHT, SpendMemory, cells, rich, slot_cells, spending, staged
from wfmon.model.budget import Slo
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Outcome, Priced, RunCount, Slot, Spending, SpendRequest
from wfmon.text.sanitize import safe
from wfmon.ui.panes.executivefigures import TwiceThirty, by_day, compared
from wfmon.ui.views.executive import ExecutiveView
from wfmon.ui.views.facts import FactsView
from wfmon.ui.views.workflow import WorkflowView

SIZES = [(80, 24), (120, 40)]


def steady(request: SpendRequest, *, known_from: float = 0.0, failures: float = 0.0) -> Spending:
    """100 runs in each whole day, by its share; nothing before ``known_from``."""
    bounds = request.bounds or (request.begin,)
    slots = []
    for begin, end in zip(bounds, (*bounds[1:], request.end), strict=True):
        known = max(0.0, end - max(begin, known_from))
        part = known / DAY
        runs = RunCount(100 * part, failures * part) if known else None
        slots.append(Slot(begin, end, known, slot_cells(part) if known else (), runs))
    days = (request.end - max(request.begin, known_from)) / DAY
    runs_of = {"email_triage": RunCount(100 * days, failures * days)}
    total = sum(slot.known_seconds for slot in slots)
    return Spending(request.begin, request.end, (), runs_of, tuple(slots), total, known_from)


def declared(success: float = 0.99, **own: float) -> Snapshot:
    base = rich()
    workflows = tuple(replace(one, slo=own.get(one.name)) for one in base.workflows)
    return replace(base, slo=Slo(success, 30) if success else None, workflows=workflows)


async def opened(
    *keys: str, snapshot: Snapshot | None = None, size: tuple[int, int] = (120, 40), **kept: float
) -> tuple[Stage, SpendMemory]:
    stage, memory = staged(ExecutiveView(), snapshot, size=size)
    memory.answer = lambda request: steady(request, **kept)
    await stage.arrived(*keys)
    return stage, memory


def row(stage: Stage, label: str) -> list[str]:
    """The three cells of a row of the table."""
    line = next(line for line in stage.lines() if line.startswith(label)).ljust(stage.size[0])
    wide = (stage.size[0] - 11) // 3
    return [line[11 + n * wide : 11 + (n + 1) * wide].strip() for n in range(3)]


async def test_it_is_drawn_on_the_small_screen() -> None:
    stage, _ = await opened(size=(80, 24), failures=1.0)
    lines = stage.lines()
    assert " · exec " in lines[0]
    assert lines[1] == "  99% of 2,959 runs succeeded in 30 days, as in the 30 days before (99%)"
    assert lines[3] == "           TODAY                  7 DAYS                 30 DAYS"
    assert row(stage, "succeeded") == ["99% of 59", "99% of 659", "99% of 2,959"]
    assert row(stage, "runs") == ["59", "659", "2,959"]
    assert row(stage, "known") == ["all of it"] * 3
    assert row(stage, "against") == ["yesterday until 14:00", "the 7 days before", "the 30 days before"]
    assert "No target is declared. In the config, [slo] success = 0.99" in stage.text()
    assert any(line.startswith("─ Runs each day") for line in lines)
    assert "more below" not in stage.text()


async def test_changes_are_in_words() -> None:
    stage, memory = staged(ExecutiveView(), size=(120, 40))

    def told(request: SpendRequest) -> Spending:
        base = steady(request)
        slots = []
        for slot in base.slots:
            runs, factor = slot.runs, 1.0
            if runs is not None and slot.begin >= MIDNIGHT:
                runs, factor = RunCount(runs.runs * 3, 0.0), 3.0
            elif runs is not None and slot.begin >= MIDNIGHT - DAY:
                runs = RunCount(runs.runs, runs.runs * 0.02)
            slots.append(replace(slot, runs=runs, cells=slot_cells(factor / 60)))
        return replace(base, slots=tuple(slots))

    memory.answer = told
    text = "\n".join(await stage.arrived())
    assert "2.0 points better" in text
    assert "3.0x as many" in text
    assert "about 3.0x as much" in text, "lower bounds are compared with care"
    assert "≥ at least: more was used that has no price" in text


async def test_a_target_that_is_met() -> None:
    stage, _ = await opened(snapshot=declared(0.99), failures=0.5)
    text = stage.text()
    assert stage.lines()[1].startswith("✓ 99.5% of 2,959 runs succeeded in 30 days")
    assert "✓ 99.5% of 2,959 runs in 30 days succeeded, 99% are to: the target is met." in text
    assert "Of the 29 failures that 99% allows, 15 are used (50%)." in text
    assert "0 of 30 days below 99%" in text


async def test_a_target_that_is_missed_names_who_misses() -> None:
    stage, _ = await opened(snapshot=declared(0.99, email_triage=0.995, nightly_report=0.9), failures=3.0)
    text = stage.text()
    assert stage.lines()[1].startswith("✖ 97% of 2,959 runs")
    assert "the target is missed." in text
    assert "Of the 29 failures that 99% allows, 89 happened: 3.0x as many." in text
    assert "─ Workflows with a target of their own: 2 ─" in text
    assert "✖ email_triage  97% of 2,959 runs, target 99.5%: 89 failed, 14 may" in text
    assert "1 workflow with a target: no finished run is known" in text
    assert "30 of 30 days below 99%" in text
    for _ in range(5):
        await stage.arrived("j")
    await stage.arrived("enter")
    assert isinstance(stage.shell.view, WorkflowView)
    await stage.arrived("esc", "i")
    assert isinstance(stage.shell.view, FactsView)
    assert "14.8 failures = runs x (1 - target)" in stage.text()


async def test_one_failure_is_one() -> None:
    stage, _ = await opened(snapshot=declared(), known_from=NOW - DAY, failures=3.0)
    assert re.search(r"Of the 1 failure that 99% allows,", stage.text()), stage.text()


async def test_only_workflows_may_have_targets() -> None:
    stage, memory = await opened(snapshot=declared(0.0, email_triage=0.9), failures=3.0)
    text = stage.text()
    assert "No target is declared" in text
    assert "✓ all 1 that are known meet it" in text
    assert not any(asked.by_workflow for asked in memory.spending_asked), "what is not drawn is not read"


@pytest.mark.parametrize("size", SIZES)
async def test_a_short_history_is_said_and_never_filled(size: tuple[int, int]) -> None:
    stage, _ = await opened(snapshot=declared(), size=size, known_from=NOW - 3 * DAY, failures=0.1)
    assert "only 3 days known" in stage.lines()[1] + stage.lines()[2]
    assert row(stage, "known") == ["all of it", "only 3 days", "only 3 days"]
    assert row(stage, "runs") == ["59", "300", "300"]
    text = " ".join(stage.text().split())
    assert "before: nothing known" in text
    assert "only 3 days of 30 days known" in text
    await stage.arrived("G")
    plot = [line for line in stage.lines() if line.lstrip().startswith("0 ")][-1]
    assert len(plot.split("0 ")[1].split()) == 4, "four days of columns, gaps before"


async def test_what_is_known_in_part_is_not_compared() -> None:
    """Half of the 30 days before is known: fewer runs and less money there say nothing."""
    stage, _ = await opened(known_from=NOW - 45 * DAY)
    table = stage.lines()[2:11]
    assert sum("before: only 15 days known" in line for line in table) == 2, "volume and spend"
    assert row(stage, "runs")[2] == "2,959"


async def test_nothing_known_before_is_no_change() -> None:
    stage, _ = await opened(known_from=MIDNIGHT)
    table = "\n".join(stage.lines()[3:11])
    assert "before: nothing known" in table
    assert "more" not in table
    assert "as before" not in table


@pytest.mark.parametrize("size", SIZES)
async def test_without_an_answer_it_says_what_is_known_now(size: tuple[int, int]) -> None:
    stage, memory = staged(ExecutiveView(), size=size)
    memory.problem = "the store is locked"
    text = "\n".join(await stage.arrived())
    assert "99.8% of 250 runs succeeded in the last 5m" in text
    assert "today, 7 days and 30 days are not known: the store is locked" in text
    assert "SUCCEEDED" not in text.upper().replace("RUNS SUCCEEDED", "")


async def test_nothing_at_all_is_known() -> None:
    stage = Stage(nothing_yet())
    stage.shell.open(ExecutiveView())
    text = "\n".join(await stage.arrived())
    assert "today, 7 days and 30 days are not known: no history is kept" in text
    assert "0%" not in text
    assert "$0" not in text


async def test_no_run_and_no_money_is_no_zero() -> None:
    stage, memory = staged(ExecutiveView(), declared())
    memory.answer = lambda request: replace(
        steady(request), slots=tuple(replace(s, runs=None, cells=()) for s in steady(request).slots), runs={}
    )
    text = "\n".join(await stage.arrived())
    assert stage.lines()[1] == "  no finished run is known of the last 30 days"
    assert "No finished run is known of the last 30 days." in text
    assert "100%" not in text
    assert "$" not in text.partition("Good enough")[0]


async def test_waste_is_known_or_not() -> None:
    stage, memory = staged(ExecutiveView(), size=(120, 40))

    def of(outcome: Outcome) -> None:
        def told(request: SpendRequest) -> Spending:
            made = tuple(replace(one, key=replace(one.key, outcome=outcome)) for one in cells())
            return replace(steady(request), cells=made)

        memory.answer = told

    of(Outcome.UNKNOWN)
    await stage.arrived()
    assert row(stage, "wasted") == ["–"] * 3
    stage, memory = staged(ExecutiveView(), size=(120, 40))
    of(Outcome.GOOD)
    await stage.arrived()
    assert row(stage, "wasted") == ["nothing"] * 3
    stage, memory = staged(ExecutiveView(), size=(120, 40))
    memory.answer = lambda request: replace(steady(request), cells=cells())
    await stage.arrived()
    assert row(stage, "wasted") == ["~$1.20 (11%)"] * 3


@pytest.mark.parametrize("figure", ["succeeded", "runs", "spent", "wasted"])
async def test_every_figure_explains_itself(figure: str) -> None:
    stage, memory = staged(ExecutiveView(), size=(120, 40))
    memory.answer = lambda request: replace(steady(request), cells=cells())
    await stage.arrived()
    while not stage.cursor_line().startswith(figure):
        await stage.arrived("j")
    text = "\n".join(await stage.arrived("i"))
    assert isinstance(stage.shell.view, FactsView)
    assert f"Explained: {figure}" in text
    assert "─ 7 days ─" in text
    assert "14h03m of 14h03m known" in text


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("at", [NOW, MIDNIGHT + 60.0, 1_774_750_000.0])
def test_both_times_are_of_the_same_length(zone: str, at: float) -> None:
    """But for the clock that is changed between them, and the minutes of this hour."""
    where = ZoneInfo(zone)
    request = TwiceThirty().request(at, where)
    assert list(request.bounds) == sorted(set(request.bounds))
    assert all(bound % HOUR == 0 for bound in request.bounds)
    answer = steady(request)
    for column in compared(Priced(answer, BOOK), at, where):
        assert 0 <= column.now.seconds - column.before.seconds + HOUR <= 3 * HOUR
        assert column.before.begin + column.before.seconds <= column.now.begin
        assert column.now.known == pytest.approx(column.now.seconds)
        assert column.before.known == pytest.approx(column.before.seconds)
    days = by_day(answer.slots, at, where, 30)
    assert len(days) == 30
    assert sum(slot.known_seconds for slot in days) == pytest.approx(column.now.known)


@pytest.mark.parametrize("size", [(60, 15), *SIZES])
@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
async def test_small_and_plain_screens(size: tuple[int, int], ascii_only: bool) -> None:
    snapshot = declared(0.99, email_triage=0.99)
    stage, memory = staged(ExecutiveView(), snapshot, size=size, ascii_only=ascii_only)
    memory.answer = lambda request: steady(request, failures=4.0)
    for keys in ((), ("G",), ("i",)):
        lines = await stage.arrived(*keys)
        if ascii_only:
            assert all(line.isascii() for line in lines)


@pytest.mark.parametrize("size", [(60, 15), *SIZES])
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_hostile_names_break_no_row(payload: object, size: tuple[int, int]) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = declared()
    named = replace(base.workflows[0], name=text, slo=0.999)
    stage, memory = staged(ExecutiveView(), replace(base, workflows=(named,)), size=size)
    memory.answer = lambda request: replace(spending(request), runs={text: RunCount(100.0, 50.0)})
    for keys in ((), ("G",), ("i",)):
        assert all(row.isprintable() for row in await stage.arrived(*keys))
    memory.problem = text
    stage.shell.back()
    stage.shell.open(ExecutiveView())
    assert all(row.isprintable() for row in await stage.arrived())
