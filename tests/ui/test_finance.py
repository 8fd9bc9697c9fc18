"""The finance view: one sentence, rates with windows, budgets, who spends, and what is not known."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from support.payloads import PAYLOADS
from support.screen import Stage, settled
from support.snapshots import DAY, NOW, nothing_yet
from support.spendworld import (
    HOUR,
    SpendMemory,
    accounts,
    budgets,
    cells,
    dearest,
    rich,
    spending,
    staged,
)
from wfmon.model.budget import SpendForecast
from wfmon.model.history import HistoryStatus
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import Rates, Tier, UnitPrice
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Outcome, RunCount, Slot, Spending, SpendRequest
from wfmon.text.sanitize import safe
from wfmon.ui.copies import Copies
from wfmon.ui.panes.spendfacts import _of, unit_words
from wfmon.ui.panes.spendplot import spent
from wfmon.ui.views.facts import FactsView
from wfmon.ui.views.finance import FinanceView
from wfmon.ui.views.run import RunView
from wfmon.ui.views.workflow import WorkflowView

SIZES = [(80, 24), (120, 40)]
TOP = """\
▲ ~$61.00 today of $100 (61%), over at 21:14 · ~$412 this month, forecast
  $780-920 of $900
─ Burn ─────────────────────────────────────────────────────────────────────────
  ~$5.43/h over 5m · ~$3.40 in the last hour · 2.4x usual
  71.1k tok/min over 5m: 61.0k in (20.0k cached), 9.0k out · cache hit 40% 1h
  calls/min openai 120.0 (1.5 failed) · anthropic 77.0
─ Budgets ──────────────────────────────────────────────────────── days of UTC ─
▲ all    day   ██████░░░░  61%  ~$61.00 of $100     pace 1.8x  over at 21:14
✓ month  month █████░░░░░  46%  ~$412 of $900       pace 0.9x  lasts
    month ends at $780-920 (8 of 10 times), same weekday of 4 weeks
✓ agents week  ██░░░░░░░░  24%  12.0M of 50.0M tok
    no forecast: too early, 20.0M tok a day"""


async def opened(
    *keys: str, snapshot: Snapshot | None = None, size: tuple[int, int] = (120, 40)
) -> tuple[Stage, SpendMemory]:
    stage, memory = staged(FinanceView(), snapshot, size=size)
    await stage.arrived(*keys)
    return stage, memory


def files(base: Path) -> list[Path]:
    return [path for path in base.rglob("*") if path.is_file()]


async def upon(stage: Stage, words: str, *keys: str) -> list[str]:
    """The cursor goes down to the row with ``words``, then ``keys``."""
    for _ in range(80):
        if words in stage.cursor_line():
            return await stage.arrived(*keys)
        await stage.arrived("j")
    raise AssertionError(f"no row with {words!r}")


async def test_it_fits_the_small_screen() -> None:
    stage, _ = await opened(size=(80, 24))
    lines = stage.lines()
    assert " · finance " in lines[0]
    assert "\n".join(lines[1:13]) == TOP
    assert lines[13].startswith("─ Spent each hour ─")
    assert lines[-2].endswith("more below")
    lines = await stage.arrived("G")
    assert "more above" in lines[-2]
    assert lines[1].startswith("▲ ~$61.00 today"), "the sentence stays"
    assert (await stage.arrived("g"))[3].startswith("─ Burn")


async def test_the_wide_screen_has_all_of_it() -> None:
    stage, _ = await opened()
    text = stage.text()
    assert "─ ≥$10.40-14.35 by model ─" in text
    assert "  claude-y               ~$8.85  ██████████████░░  85%     2.4M    2.2M  240.0k   23%" in text
    assert "? 1.0M tok" in text
    assert "~$1.20 (11%) on failed, cancelled and retried work · most: invoice_extract ~$1.20" in text
    assert "✖       $0.40  invoice_extract  run-9f31  90.0k tok  12:58        failed 1m40" in text
    assert "1.0M tokens of 1 model have no price and are in no sum: llama." in text
    assert "more below" not in text


async def test_what_is_in_no_sum_is_dim_and_says_why() -> None:
    stage, _ = await opened()
    assert "  gpt-x via gateway       $0.90 " in stage.text()
    assert "dim: another source tells of the same work; in no sum" in stage.text()


async def test_days_are_calendar_days_and_chosen_by_a_key() -> None:
    stage, memory = await opened()
    first = memory.spending_asked[0]
    assert len(first.bounds) == 24
    assert first.bounds[-1] == NOW // HOUR * HOUR
    lines = await stage.arrived("d")
    week = memory.spending_asked[-1]
    assert [begin % DAY for begin in week.bounds] == [0.0] * 7
    assert any("Spent each day" in line and "─ 7 days · only 5d14h known ─" in line for line in lines)
    berlin = replace(rich(), cost=replace(rich().cost, accounts=accounts(timezone="Europe/Berlin")))
    stage, memory = await opened("d", "d", snapshot=berlin)
    assert {begin % DAY for begin in memory.spending_asked[-1].bounds} == {23 * HOUR}
    assert len(memory.spending_asked[-1].bounds) == 30
    assert "days of Europe/Berlin" in stage.text()


async def test_who_spends_is_chosen_by_a_key() -> None:
    stage, _ = await opened("b")
    assert "by provider" in stage.text()
    await stage.arrived("b")
    text = stage.text()
    assert "by workflow" in text
    assert "  invoice_extract  " in text
    assert "RUNS" in text


async def test_the_day_is_held_against_its_budget() -> None:
    stage, _ = await opened("d")
    assert "Spent each day, far below $100 a day" in stage.text()

    def dear(request: SpendRequest) -> Spending:
        told = spending(request)
        slots = tuple(replace(slot, cells=cells(12.0) if slot.cells else ()) for slot in told.slots)
        return replace(told, slots=slots)

    stage, memory = staged(FinanceView(), size=(120, 40))
    memory.answer = dear
    text = "\n".join(await stage.arrived("d"))
    assert "Spent each day, line: $100 a day" in text
    assert any(line.startswith("  $100 ───") for line in text.splitlines())


@pytest.mark.parametrize("size", SIZES)
async def test_before_the_first_answer_what_is_live_stands(size: tuple[int, int]) -> None:
    stage, memory = staged(FinanceView(), size=size)
    memory.held = asyncio.Event()
    text = "\n".join(await stage.arrived())
    assert "By model, now" in text
    assert "~$4.33        ~$2.90" in text
    assert "asking for the last 24 hours" in text
    memory.held.set()
    assert "by model ─" in "\n".join(await stage.arrived())


@pytest.mark.parametrize("size", SIZES)
async def test_without_an_answer_it_says_why(size: tuple[int, int]) -> None:
    stage, memory = staged(FinanceView(), size=size)
    memory.problem = "the store is locked"
    text = "\n".join(await stage.arrived())
    assert "what was spent before now is not known: the store is locked" in text
    assert "Waste" not in text
    assert "Spent each" not in text


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_known_is_not_nothing_spent(size: tuple[int, int]) -> None:
    stage = Stage(nothing_yet(), size=size)
    stage.shell.open(FinanceView())
    text = "\n".join(await stage.arrived())
    assert "today and this month are not known: no history is kept" in text
    assert "no money is reported, no tokens that have a price" in text
    assert "$0" not in text
    assert "Budgets" not in text
    early = replace(nothing_yet(), history=HistoryStatus("history.db"))
    stage.show(early)
    assert "the history tells nothing of money or tokens yet" in " ".join(stage.text().split())


async def test_a_budget_that_is_over_is_said_first() -> None:
    day, *rest = budgets()
    over = replace(day, spent=Money(priced=112.0, unpriced_tokens=9.0), amount=112.0, exhausted_in=None)
    snapshot = replace(rich(), cost=replace(rich().cost, accounts=accounts(budgets=(over, *rest))))
    stage, _ = await opened(snapshot=snapshot, size=(80, 24))
    text = stage.text()
    assert stage.lines()[1].startswith("✖ ")
    assert "of $100 (112%), over by $12.00" in stage.lines()[1]
    assert "✖ all    day   ██████████ 112%  ≥$112 of $100" in text


async def test_a_band_and_two_times_are_told_as_such() -> None:
    day, *rest = budgets()
    band = replace(day, spent=Money(low=50.0, high=80.0), amount=50.0, exhausted_in=(HOUR, 40 * HOUR))
    broken = replace(
        day, forecast=SpendForecast(120.0, 105.0, 130.0, "the last 24 h", broken=True, usual_mid=60.0)
    )
    snapshot = replace(rich(), cost=replace(rich().cost, accounts=accounts(budgets=(band, broken, *rest))))
    stage, _ = await opened(snapshot=snapshot)
    text = stage.text()
    assert "≈$50.00-80.00 of $100" in text
    assert "over 15:03-03-04 06:03" in text
    assert "day ends at $105-130 (8 of 10 times), the last 24 h; not as usual, which would be $60.00" in text
    assert stage.lines()[1].startswith("✖"), "it will surely be over"


async def test_an_idle_rate_says_so_instead_of_zero() -> None:
    calm = rich()
    idle = replace(
        calm,
        cost=replace(calm.cost, burn=Money(priced=0.0)),
        totals=replace(calm.totals, active=0),
        workflows=tuple(replace(one, last_run_at=NOW - 12 * 60) for one in calm.workflows),
    )
    stage, _ = await opened(snapshot=idle)
    assert "  idle 12m, last ~$3.40/h" in stage.text()


async def test_it_is_asked_again_when_the_hour_moved_and_never_twice_at_once() -> None:
    stage, memory = await opened()
    assert len(memory.spending_asked) == 1
    for seconds in range(1, 31):
        stage.now = NOW + seconds
        moved = replace(rich().cost, hour=Money(priced=3.4 + seconds))
        stage.show(replace(rich(), at=stage.now, cost=moved))
        await settled()
    assert len(memory.spending_asked) == 4, "every ten seconds"
    memory.held = asyncio.Event()
    for seconds in range(31, 71):
        stage.now = NOW + seconds
        moved = replace(rich().cost, hour=Money(priced=3.4 + seconds))
        stage.show(replace(rich(), at=stage.now, cost=moved))
        await settled()
    assert memory.most_under_way == 1
    assert "40s old" in stage.text()
    assert "by model" in stage.text(), "the old answer stays"
    memory.held.set()
    await settled()
    assert "old ─" not in stage.text()


async def test_what_does_not_move_is_asked_each_minute() -> None:
    stage, memory = await opened()
    for seconds in range(5, 121, 5):
        stage.now = NOW + seconds
        stage.show(replace(rich(), at=stage.now))
        await settled()
    assert len(memory.spending_asked) == 3


async def test_another_span_wanted_meanwhile_is_asked_next() -> None:
    stage, memory = staged(FinanceView(), size=(120, 40))
    memory.held = asyncio.Event()
    await stage.arrived("d")
    assert len(memory.spending_asked) == 1
    memory.held.set()
    text = "\n".join(await stage.arrived())
    assert [len(asked.bounds) for asked in memory.spending_asked] == [24, 7]
    assert "7 days ─" in text


async def test_rows_open_what_they_stand_for() -> None:
    stage, _ = await opened("b", "b")
    await upon(stage, "email_triage", "enter")
    assert isinstance(stage.shell.view, WorkflowView)
    await stage.arrived("esc")
    await upon(stage, "run-9f31", "enter")
    assert not isinstance(stage.shell.view, RunView), "the quiet snapshot lists it no more"
    assert "run-9f31 is not among the runs that are listed now" in stage.text()
    known = replace(rich(), runs=(dearest()[1].run,))
    stage, _ = await opened(snapshot=known)
    await upon(stage, "run-9f31", "enter")
    assert isinstance(stage.shell.view, RunView)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("all    day", ("limit    $100 a day", "pace     1.8x = rate of the last hour")),
        ("claude-y", ("$3.00 in, $15.00 out, $0.30 cached, $3.75 write a million (genai-prices", "23h")),
        ("gpt-x  ", ("$1.50 reported", "400.0k of unknown direction")),
        ("llama", ("no price is known", "they are in no sum")),
        ("gateway", ("adding both would count it twice",)),
        ("run-9f31", ("$0.40 reported", "/var/log/wf/a.jsonl")),
    ],
)
async def test_every_row_explains_itself(words: str, told: tuple[str, ...]) -> None:
    stage, _ = await opened()
    text = "\n".join(await upon(stage, words, "i"))
    assert isinstance(stage.shell.view, FactsView)
    for each in told:
        assert each in text


def test_prices_are_those_of_the_line() -> None:
    from wfmon.analysis.accounts import Ledger
    from wfmon.model.spend import Priced

    batch = replace(cells()[0], key=replace(cells()[0].key, service="batch"))
    ledger = Ledger(Priced(Spending(0.0, HOUR, (batch, *cells()))))
    for by in ("model", "provider", "workflow"):
        names = {line.name for line in ledger.by(by)}  # type: ignore[arg-type]
        assert names == {_of(cell, by) for cell in (batch, *cells())}  # type: ignore[arg-type]


def test_a_slot_that_nobody_watched_is_a_gap() -> None:
    slots = (Slot(0.0, HOUR, 0.0), Slot(HOUR, 2 * HOUR, HOUR), Slot(2 * HOUR, 3 * HOUR, HOUR))
    course = (NO_MONEY, NO_MONEY, Money(exact=2.0))
    assert spent(slots, course) == [None, 0.0, 2.0]
    assert spent(slots[1:], (NO_MONEY, Money(unpriced_tokens=5.0))) == [None, None], "no money is told at all"
    assert spent(slots[1:], (Money(exact=1.0), Money(unpriced_tokens=5.0))) == [1.0, None]


async def test_only_what_is_known_of_waste_is_told() -> None:
    stage, memory = staged(FinanceView(), size=(120, 40))

    def untold(request: SpendRequest) -> Spending:
        made = tuple(replace(one, key=replace(one.key, outcome=Outcome.UNKNOWN)) for one in cells())
        return replace(spending(request), cells=made, runs={})

    memory.answer = untold
    assert "not known: no source tells what became of the work" in "\n".join(await stage.arrived())
    stage, memory = staged(FinanceView(), size=(120, 40))
    good = tuple(one for one in cells() if one.key.outcome is not Outcome.WASTED)
    memory.answer = lambda request: replace(spending(request), cells=good, runs={"a": RunCount(2.0, 0.0)})
    text = "\n".join(await stage.arrived())
    assert "  nothing on failed, cancelled and retried work" in text


async def test_it_is_exported_as_three_files(tmp_path: Path) -> None:
    stage, _ = staged(FinanceView(), size=(120, 40), copies=lambda: Copies(lambda: tmp_path))
    await stage.arrived()
    stage.shell.do(stage.shell.keymap.get("export"))
    for _ in range(2000):
        if "saved" in stage.text():
            break
        await asyncio.sleep(0.005)
    assert "spending-model-24h.csv,.json,.md" in "".join(stage.text().split())
    found = {path.suffix: path for path in files(tmp_path)}
    assert set(found) == {".csv", ".json", ".md"}
    assert json.loads(found[".json"].read_text())["by"] == "model"


async def test_read_only_saves_nothing(tmp_path: Path) -> None:
    stage, _ = staged(FinanceView(), read_only=True, copies=lambda: Copies(lambda: tmp_path))
    await stage.arrived()
    stage.shell.do(stage.shell.keymap.get("export"))
    assert "nothing was saved: read-only" in stage.text()
    assert not files(tmp_path)


async def test_many_lines_scroll_in_their_pane() -> None:
    stage, memory = staged(FinanceView(), size=(80, 24))
    many = tuple(
        replace(cells(1.0 / (n + 1))[0], key=replace(cells()[0].key, model=f"model-{n:02}"))
        for n in range(50)
    )
    memory.answer = lambda request: replace(spending(request), cells=many)
    await stage.arrived()
    await upon(stage, "model-49")
    assert "by model, 45-50 of 50 ─" in stage.text()
    assert any("SPENT" in line for line in stage.lines()), "the head stays"


@pytest.mark.parametrize("size", [(60, 15), *SIZES])
@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
async def test_long_names_and_small_screens(size: tuple[int, int], ascii_only: bool) -> None:
    stage, memory = staged(FinanceView(), size=size, ascii_only=ascii_only)
    name = "a-very-long-name-of-a-model-that-somebody-fine-tuned-on-2026-03-01"
    made = tuple(replace(one, key=replace(one.key, model=name + one.key.model)) for one in cells())
    memory.answer = lambda request: replace(spending(request), cells=made)
    for keys in ((), ("d",), ("d", "b"), ("b", "G")):
        lines = await stage.arrived(*keys)
        if ascii_only:
            assert all(line.isascii() for line in lines)


@pytest.mark.parametrize("size", [(60, 15), *SIZES])
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_hostile_names_break_no_row(payload: object, size: tuple[int, int]) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    made = tuple(
        replace(one, key=replace(one.key, model=text, provider=text, workflow=text)) for one in cells()
    )
    day, *rest = budgets()
    hostile = replace(day, budget=replace(day.budget, name=text), why=text, exhausted_in=None)
    snapshot = replace(rich(), cost=replace(rich().cost, accounts=accounts(budgets=(hostile, *rest))))
    stage, memory = staged(FinanceView(), snapshot, size=size)
    memory.answer = lambda request: replace(spending(request), cells=made)
    memory.runs_told = tuple(
        replace(one, run=replace(one.run, id=text, workflow=text, log=text)) for one in dearest()
    )
    for keys in ((), ("i",), ("esc", "b"), ("b", "G"), ("i",)):
        assert all(row.isprintable() for row in await stage.arrived(*keys))


def test_a_price_with_tiers_says_that_long_calls_cost_more() -> None:
    unit = UnitPrice(Rates(1.25, 10.0), "genai-prices 1", "m", (Tier(200_000, Rates(2.5, 15.0)),))
    assert unit_words(unit) == (
        "$1.25 in, $10.00 out a million, more for calls above 200,000 tokens (genai-prices 1 as m)"
    )
