"""What was used and spent, from sums of sources and single runs to what is read of days."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.accounts import added
from wfmon.model.history import Batch, HourSum, Kind, Role, Watched
from wfmon.model.prices import EMPTY
from wfmon.model.run import ModelUsage, Run, RunStatus, Usage
from wfmon.model.spend import FIGURES, Amounts, Outcome, SpendCell, SpendKey, SpendRequest, SpendSum
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.schema import MIGRATIONS, NAME
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.spendchoice import resolve
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir

HOUR, DAY = 3600.0, 86_400.0
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")


class Store:
    def __init__(self, path: Path, settings: HistorySettings | None = None) -> None:
        self.settings = settings or HistorySettings()
        self.writer = HistoryWriter(StateDir(path, shared=False), self.settings)
        self.writer.begin(1, 1, "me", "0", MIDNIGHT)
        self.reader = HistoryReader(StateDir(path, shared=False), self.settings)

    def write(self, now: float, **parts: object) -> None:
        self.writer.write(Batch(now, **parts))  # type: ignore[arg-type]

    def cells(self, begin: float, end: float) -> dict[tuple[str, str, str], Amounts]:
        found = self.reader.spending(SpendRequest(begin, end)).cells
        return {(each.key.workflow, each.key.model, each.key.outcome.value): each.amounts for each in found}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def sum_of(
    at: float, workflow: str, model: str, *, source: str = "m", paid: bool = False, **kinds: float
) -> SpendSum:
    key = SpendKey(workflow, "p", model)
    return SpendSum(at, key, source, Role.METRICS, Amounts(**kinds), paid)


def run(name: str, ended: float, usage: Usage, status: RunStatus = RunStatus.SUCCESS, **more: object) -> Run:
    return Run(
        name, "w", status, ended - 5, ended, 5.0, usage=usage, source="log", model="m1", provider="p",
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


TYPED = Usage(1000, 200, 100, None, 50, 1200)


def test_growth_is_added_up_and_what_a_prometheus_tells_replaces(store: Store) -> None:
    at = MIDNIGHT + 5 * HOUR
    store.write(at + 60, spent=(sum_of(at, "a", "x", input=100.0, output=10.0),))
    store.write(at + 120, spent=(sum_of(at, "a", "x", input=50.0, usd=0.5),))
    store.write(at + 130, spent_hours=(sum_of(at, "b", "x", source="prom", untyped=7.0),))
    store.write(at + 140, spent_hours=(sum_of(at, "b", "x", source="prom", untyped=9.0),))
    found = store.cells(MIDNIGHT, at + 200)
    assert found["a", "x", "unknown"] == Amounts(input=150.0, output=10.0, usd=0.5)
    assert found["b", "x", "unknown"] == Amounts(untyped=9.0)


def test_the_same_batch_twice_counts_once(store: Store) -> None:
    at = MIDNIGHT + HOUR
    batch = Batch(at + 60, spent=(sum_of(at, "a", "x", input=100.0),), runs=(run("r", at + 30, TYPED),))
    store.writer.write(batch)
    store.writer.write(batch)
    found = store.cells(MIDNIGHT, at + HOUR)
    assert found["a", "x", "unknown"].input == 100.0
    assert found["w", "m1", "good"].input == 1000.0


def test_a_run_by_kind_model_and_outcome(store: Store) -> None:
    at = MIDNIGHT + HOUR
    two = run(
        "r2", at + 40, Usage(300, 30, total=330, cost_usd=3.3), RunStatus.ERROR,
        parts=(
            ModelUsage("p", "m1", "", Usage(200, 20, total=220), 2),
            ModelUsage("q", "m2", "batch", Usage(100, 10, total=110), 1),
        ),
    )  # fmt: skip
    again = run(
        "r3", at + 50, Usage(90, 9, total=99), retried=(ModelUsage("p", "m1", "", Usage(30, 3, total=33)),)
    )
    store.write(at + 60, runs=(run("r1", at + 30, TYPED), two, again))
    found = store.cells(MIDNIGHT, at + HOUR)
    assert found["w", "m1", "good"] == Amounts(1060.0, 206.0, 100.0, None, 50.0)
    # of the failed run by its tokens; what the first attempt of the third used, and the second run
    assert found["w", "m1", "wasted"] == Amounts(230.0, 23.0, calls=2.0, usd=pytest.approx(2.2))
    assert found["w", "m2", "wasted"] == Amounts(100.0, 10.0, calls=1.0, usd=pytest.approx(1.1))


def test_a_run_that_turns_out_otherwise_takes_back_what_it_added(store: Store) -> None:
    at = MIDNIGHT + HOUR
    lost = run("r", at + 30, TYPED, RunStatus.LOST)
    store.write(at + 60, runs=(lost,))
    assert store.cells(MIDNIGHT, at + HOUR)["w", "m1", "wasted"].input == 1000.0
    store.write(at + 90, runs=(replace(lost, status=RunStatus.SUCCESS, usage=replace(TYPED, input=1500)),))
    found = store.cells(MIDNIGHT, at + HOUR)
    assert found["w", "m1", "wasted"].input == 0.0
    assert found["w", "m1", "good"].input == 1500.0


def test_what_is_kept_of_a_run_comes_back(store: Store) -> None:
    at = MIDNIGHT + HOUR
    parts = (ModelUsage("p", "m1", "batch", TYPED, 3),)
    told = run("r", at, TYPED, parts=parts, retried=parts, calls=(("p", 3),))
    store.write(at + 60, runs=(told,))
    (kept,) = store.reader.runs("w", 5)
    assert (kept.usage, kept.parts, kept.retried, kept.calls, kept.provider) == (
        TYPED, parts, parts, (("p", 3),), "p",
    )  # fmt: skip


def week(store: Store, *, days: int = 4) -> None:
    """Each hour a hundred tokens and a run; settled as time passes."""
    for number in range(days * 24):
        at = MIDNIGHT + number * HOUR
        store.write(
            at + 3590,
            spent=(sum_of(at, "a", "x", input=100.0, usd=1.0),),
            hours=(HourSum(at, Kind.WORKFLOW, "a", "m", Role.METRICS, 2.0, 1.0),),
            watched=(Watched("m", Role.METRICS, at, at + HOUR),),
        )
        store.write(at + HOUR + 300)


@pytest.mark.parametrize("zone", [UTC, BERLIN])
def test_days_are_read_as_their_hours_are(tmp_path: Path, zone: ZoneInfo) -> None:
    store = Store(tmp_path, HistorySettings(zone=zone))
    week(store)
    connection = sqlite3.connect(tmp_path / NAME)
    days = connection.execute("SELECT count(*) FROM settled WHERE seconds = 86400").fetchone()[0]
    assert days == 4
    end = MIDNIGHT + 4 * DAY
    found = store.reader.spending(SpendRequest(MIDNIGHT, end))
    (cell,) = found.cells
    assert cell.amounts == Amounts(input=9600.0, usd=96.0)
    assert (found.runs["a"].runs, found.runs["a"].failures) == (192.0, 96.0)
    assert found.known_seconds == 4 * DAY
    assert found.since == MIDNIGHT
    hourly = store.reader.hourly(MIDNIGHT, end)
    assert len(hourly) == 96
    assert sum(each.cells[0].amounts.usd or 0.0 for each in hourly) == 96.0


def test_slots_add_up_to_the_whole_and_cut_days_where_they_have_to(store: Store) -> None:
    week(store)
    begin, end = MIDNIGHT + 6 * HOUR, MIDNIGHT + 3 * DAY + 1800
    for bounds in ((), (begin, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY), (begin, begin + HOUR, begin + 30 * HOUR)):
        found = store.reader.spending(SpendRequest(begin, end, bounds))
        assert len(found.slots) == max(1, len(bounds))
        assert sum(cell.amounts.usd or 0.0 for slot in found.slots for cell in slot.cells) == 67.0
        assert sum(each.amounts.usd or 0.0 for each in found.cells) == 67.0
        assert sum(slot.runs.runs for slot in found.slots if slot.runs) == 134.0


def test_late_sums_of_a_day_that_is_settled_are_in_it_at_once_and_later(store: Store) -> None:
    week(store)
    now, late = MIDNIGHT + 4 * DAY + 600, MIDNIGHT + 30 * HOUR
    store.write(now, spent=(sum_of(late, "a", "x", usd=5.0),))
    for _ in range(3):
        assert store.cells(MIDNIGHT, now)["a", "x", "unknown"].usd == 101.0
        store.write(now := now + 600)


def test_time_in_which_nobody_looked_is_not_known(store: Store) -> None:
    at = MIDNIGHT + HOUR
    store.write(
        at + 60, spent=(sum_of(at, "a", "x", usd=1.0),), watched=(Watched("m", Role.METRICS, at, at + 60),)
    )
    found = store.reader.spending(SpendRequest(MIDNIGHT, MIDNIGHT + DAY))
    assert found.known_seconds == 60.0
    assert store.reader.spending(SpendRequest(MIDNIGHT - DAY, MIDNIGHT)).cells == ()


def test_the_dearest_runs(store: Store) -> None:
    at = MIDNIGHT + HOUR
    runs = [run(f"r{n}", at + n, Usage(total=n, cost_usd=float(n % 7))) for n in range(20)]
    store.write(at + 60, runs=tuple(runs))
    found = store.reader.dearest(MIDNIGHT, MIDNIGHT + DAY, EMPTY, 3)
    assert [each.run.id for each in found] == ["r13", "r6", "r19"]
    assert [each.money.exact for each in found] == [6.0, 6.0, 5.0]


def test_a_file_of_before_is_taken_over(tmp_path: Path) -> None:
    """Runs of before told no usage by kind: what they added is not taken back from what was not added."""
    store = Store(tmp_path)
    at = MIDNIGHT + HOUR
    store.write(at + 60, runs=(run("old", at, TYPED),))
    store.reader.close()
    store.writer.close()
    path = tmp_path / NAME
    connection = sqlite3.connect(path)
    for table in ("runs", "lost"):
        for column in ("provider", "input", "output", "cached", "cache_write", "reasoning", "usage", "spent"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in ("spend", "cells", "counts", "settled", "unsettled", "joined"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) - 2}")
    connection.commit()
    connection.close()
    store = Store(tmp_path)
    assert [each.id for each in store.reader.runs("w", 5)] == ["old"]
    store.write(at + 90, runs=(run("old", at, replace(TYPED, input=1)), run("new", at + 1, TYPED)))
    assert store.cells(MIDNIGHT, at + HOUR)["w", "m1", "good"].input == 1001.0


def mixed(store: Store) -> None:
    """Four days of three workflows: models, outcomes, and what is counted elsewhere."""
    for number in range(4 * 24):
        at = MIDNIGHT + number * HOUR
        told = (
            sum_of(at, "a", "x", input=100.0, usd=1.0),
            sum_of(at, "b", "x", input=10.0 + number, output=1.0),
            sum_of(at, "c", "y", untyped=3.0),
        )
        runs = (run(f"r{number}", at + 60, TYPED, RunStatus.ERROR if number % 3 else RunStatus.SUCCESS),)
        store.write(at + 3590, spent=told, runs=runs, watched=(Watched("m", Role.METRICS, at, at + HOUR),))
        store.write(at + HOUR + 300)


def together(cells: Iterable[SpendCell]) -> dict[object, Amounts]:
    """Cells without their workflows."""
    found: dict[object, Amounts] = {}
    for one in cells:
        key = (replace(one.key, workflow=""), one.tokens, one.money, one.paid)
        found[key] = added((found.get(key, Amounts()), one.amounts))
    return found


def test_all_workflows_together_are_the_sum_of_each(store: Store) -> None:
    """Over settled days, a day that is cut, hours, and an hour as sources tell it."""
    mixed(store)
    begin, end = MIDNIGHT + 5 * HOUR, MIDNIGHT + 4 * DAY + 2 * HOUR
    bounds = (begin, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY, MIDNIGHT + 2 * DAY + 7 * HOUR)
    each = store.reader.spending(SpendRequest(begin, end, bounds))
    every = store.reader.spending(SpendRequest(begin, end, bounds, by_workflow=False))

    assert len({one.key.workflow for one in each.cells}) > 1
    whole, parts = together(every.cells), together(each.cells)
    assert whole.keys() == parts.keys()
    for key, amounts in parts.items():
        for name in FIGURES:
            value = getattr(amounts, name)
            assert getattr(whole[key], name) == (None if value is None else pytest.approx(value))
    assert {one.key.workflow for one in every.cells} == {""}
    assert (every.slots, every.runs, every.known_seconds) == (each.slots, each.runs, each.known_seconds)


def test_a_file_of_before_is_joined_when_it_is_taken_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    mixed(store)
    request = SpendRequest(MIDNIGHT, MIDNIGHT + 3 * DAY, by_workflow=False)
    before = store.reader.spending(request)
    assert before.cells
    store.reader.close()
    store.writer.close()
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute("DROP TABLE joined")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) - 1}")
    connection.commit()
    connection.close()

    assert together(Store(tmp_path).reader.spending(request).cells) == together(before.cells)


# whose figure counts --------------------------------------------------------------------------------

_FIGURES = st.builds(
    Amounts,
    input=st.none() | st.integers(0, 1000).map(float),
    output=st.none() | st.integers(0, 1000).map(float),
    untyped=st.none() | st.integers(0, 1000).map(float),
    usd=st.none() | st.integers(0, 100).map(float),
)
_SUMS = st.lists(
    st.builds(
        lambda workflow, model, source, amounts: SpendSum(
            MIDNIGHT,
            SpendKey(workflow if source != "log" or workflow else "w", "p", model),
            source,
            Role.LOGS if source == "log" else Role.METRICS,
            amounts,
        ),
        st.sampled_from(["", "w", "v"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from(["log", "m", "n"]),
        _FIGURES,
    ),
    max_size=8,
    unique_by=lambda each: (each.key, each.source),
)


def by_workflow(cells: Iterable[SpendCell], figure: str, flag: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for cell in cells:
        if getattr(cell, flag) and getattr(cell.amounts, figure) is not None:
            found.setdefault(cell.key.workflow, set()).add(id(cell.amounts))
    return found


@given(_SUMS)
def test_one_figure_of_a_workflow_is_one_sources(told: list[SpendSum]) -> None:
    cells = resolve(told, {("m", Role.METRICS): HOUR, ("n", Role.METRICS): 60.0})
    of = {id(each.amounts): each for each in told}
    for figure, flag in (("input", "tokens"), ("usd", "money")):
        for name, amounts in by_workflow(cells, figure, flag).items():
            if name:
                assert len({of[each].source for each in amounts}) == 1
    for cell in cells:
        assert any(cell.amounts is each.amounts for each in told)


@given(_SUMS)
def test_reported_money_is_never_lost_to_a_price(told: list[SpendSum]) -> None:
    """Where anybody reports what a workflow cost, that counts, and not its tokens."""
    cells = resolve(told, {})
    unsplit = any(
        each.role is Role.METRICS and not each.key.workflow and each.amounts.usd is not None for each in told
    )
    reported = {cell.key.workflow for cell in cells if cell.amounts.usd is not None}
    counted = {cell.key.workflow for cell in cells if cell.money and cell.amounts.usd is not None}
    if not unsplit:
        assert counted >= reported - {""}
    else:
        assert "" in counted


def cell_of(cells: Iterable[SpendCell], workflow: str, role_usd: float | None) -> SpendCell:
    return next(each for each in cells if each.key.workflow == workflow and each.amounts.usd == role_usd)


def test_tokens_of_counters_and_money_of_logs() -> None:
    """The guide's metrics: tokens by model alone, without a direction; its log tells what a run cost."""
    counter = SpendSum(MIDNIGHT, SpendKey("", "", "x"), "m", Role.METRICS, Amounts(untyped=500.0))
    logged = SpendSum(
        MIDNIGHT, SpendKey("w", "", "", "", Outcome.GOOD), "log", Role.LOGS, Amounts(untyped=480.0, usd=2.0)
    )
    cells = resolve([counter, logged], {})
    assert (cell_of(cells, "", None).tokens, cell_of(cells, "", None).money) == (True, False)
    assert (cell_of(cells, "w", 2.0).tokens, cell_of(cells, "w", 2.0).money) == (False, True)
    alone = resolve([counter], {})
    assert (alone[0].tokens, alone[0].money) == (True, True)


def test_hours_go_and_days_stay(tmp_path: Path) -> None:
    settings = HistorySettings(hours_keep=2 * DAY, days_keep=30 * DAY)
    store = Store(tmp_path, settings)
    week(store)
    store.writer.tidy(MIDNIGHT + 4 * DAY + 2000)
    connection = sqlite3.connect(tmp_path / NAME)
    for table, where in (
        ("spend", "1"),
        ("cells", "seconds = 3600"),
        ("joined", "seconds = 3600"),
        ("settled", "seconds = 3600"),
    ):
        oldest = connection.execute(f"SELECT min(at) FROM {table} WHERE {where}").fetchone()[0]
        assert oldest == MIDNIGHT + 2 * DAY + HOUR, table
    found = store.reader.spending(SpendRequest(MIDNIGHT, MIDNIGHT + 4 * DAY))
    assert (found.cells[0].amounts.usd, found.since) == (96.0, MIDNIGHT)
