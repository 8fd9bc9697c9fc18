"""Past hours out of a real Prometheus, held against the ledger of the workers that were scraped."""

from __future__ import annotations

import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.config.schema import Duration, Windows
from wfmon.model.history import Change, ChangeKind, HourSum, Kind, Role, Watched
from wfmon.model.retention import Keeps, Kept
from wfmon.model.spend import SpendSum
from wfmon.sources.base import Backfills, Reading
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_changes import ChangesErrand
from wfmon.sources.prometheus_errands import Known
from wfmon.sources.prometheus_fit import Scope
from wfmon.sources.prometheus_growth import HOUR

pytestmark = pytest.mark.server

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))
HOURS = 9
SCRAPE = 15.0
FAST = 100.0  # the polite pauses between questions pass as much faster


@dataclass
class Book:
    runs: int = 0
    failures: int = 0
    tokens: int = 0
    cost: float = 0.0


Ledger = dict[tuple[float, str], Book]


@dataclass
class Worker:
    """Its samples as OpenMetrics, and in ``books`` what of its work was seen in which hour."""

    instance: str
    rng: random.Random
    books: Ledger
    began: float
    values: dict[str, float] = field(default_factory=dict)
    unseen: list[tuple[str, Book]] = field(default_factory=list)
    scraped: bool = False
    life: int = 1
    tells_start: bool = True
    restarts: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def work(self, workflows: int = 4) -> None:
        workflow = f"w{self.rng.randrange(workflows)}"
        failed = self.rng.random() < 0.1
        book = Book(
            1, int(failed), self.rng.randrange(9000), self.rng.random() * 10 ** self.rng.randrange(-4, 2)
        )
        self.unseen.append((workflow, book))
        self._grow(
            f'workflow_executions_total{{workflow="{workflow}",status="{"error" if failed else "success"}"', 1
        )
        self._grow(
            f'token_usage_total{{workflow="{workflow}",model="m{len(workflow) % 2}",type="input"', book.tokens
        )
        self._grow(f'cost_usd_total{{workflow="{workflow}",model="m",provider="p"', book.cost)

    def _grow(self, series: str, amount: float) -> None:
        self.values[series] = self.values.get(series, 0.0) + amount

    def restart(self, at: float) -> None:
        self.values, self.began, self.life = {}, at, self.life + 1
        self.restarts.append(at)

    def scrape(self, at: float) -> None:
        target = f'job="workers",instance="{self.instance}"}}'
        for series, value in self.values.items():
            self.lines.append(f"{series},{target} {value!r} {at:.3f}")
        if self.tells_start:
            self.lines.append(f"process_start_time_seconds{{{target} {self.began} {at:.3f}")
        self.lines.append(f"up{{{target} 1 {at:.3f}")
        self.lines.append(f'app_build_info{{version="1.{self.life}.0",{target} 1 {at:.3f}')
        if self.scraped:
            hour = (math.ceil(at / HOUR) - 1) * HOUR
            for workflow, book in self.unseen:
                into = self.books.setdefault((hour, workflow), Book())
                into.runs += book.runs
                into.failures += book.failures
                into.tokens += book.tokens
                into.cost += book.cost
        self.unseen, self.scraped = [], True

    def miss(self, at: float) -> None:
        self.lines.append(f'up{{job="workers",instance="{self.instance}"}} 0 {at:.3f}')


@dataclass
class World:
    server: Server
    ledger: Ledger
    first: float
    end: float
    outage: tuple[float, float]
    restarts: list[float]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Nine hours of five workers: births, restarts (also several in an hour, some that nobody could see from
    the counters, and one that only they tell), an outage over the end of an hour, one that comes later."""
    rng = random.Random(11)
    end = time.time()
    first = math.ceil((end - HOURS * HOUR) / HOUR) * HOUR - 600.0
    ledger: Ledger = {}
    workers = [Worker(f"10.0.0.{number}:9101", rng, ledger, began=first - 900.0) for number in range(1, 6)]
    steady, restless, late, silent, quiet = workers
    silent.tells_start = False
    outage = (first + 600.0 + 2 * HOUR - 700.0, first + 600.0 + 2 * HOUR + 900.0)
    comes = first + 600.0 + 4 * HOUR + 1234.0
    away = 0.0
    at = first
    while at + SCRAPE <= end:  # the server is not asked of what it will know in some seconds
        for worker, chance, offset in zip(
            workers, (0.2, 0.2, 0.05, 0.1, 0.01), (0.0, 7.3, 3.0, 1.0, 2.0), strict=True
        ):
            if worker is late and at < comes:
                continue
            while rng.random() < chance:
                # One workflow after the other is born.
                worker.work(1 if worker is quiet else 1 + min(5, int((at - first) / 3000.0)))
            scraped = at + offset
            if worker is steady and outage[0] < at < outage[1]:
                worker.miss(scraped)
                if at - outage[0] < 400.0 < at - outage[0] + SCRAPE and not worker.unseen:
                    worker.restart(at)
            elif worker is restless and at < away:
                worker.miss(scraped)
            else:
                if worker is silent and not worker.unseen and rng.random() < 0.01:
                    worker.values = dict.fromkeys(worker.values, 0.0)
                worker.scrape(scraped)
                if (worker is restless and rng.random() < 0.004) or (worker is quiet and rng.random() < 0.01):
                    worker.restart(scraped + 1.0)
                    away = at + rng.choice((0.0, 45.0)) if worker is restless else away
        at += SCRAPE
    families: dict[str, list[str]] = defaultdict(list)
    for worker in workers:
        for line in worker.lines:
            families[line.partition("{")[0]].append(line)
    past = "\n".join(line for lines in families.values() for line in lines) + "\n# EOF\n"
    with running_prometheus(tmp_path_factory.mktemp("past"), past=past) as server:
        yield World(server, ledger, first, end, outage, restless.restarts)


def source(world: World, **more: object) -> PrometheusSource:
    fast: Callable[[], float] = lambda: time.monotonic() * FAST  # noqa: E731
    options: dict[str, object] = {"timeout": 10.0, "windows": WINDOWS, "profiles": load_profiles(), **more}
    return PrometheusSource("prom", world.server.url, steady=fast, **options)  # type: ignore[arg-type]


@dataclass
class Filled:
    """``open``: what was told of hours that were not over."""

    sums: list[HourSum]
    watched: list[Watched]
    kept: tuple[Kept, ...] = ()
    open: list[HourSum] = field(default_factory=list)
    spent: list[SpendSum] = field(default_factory=list)

    def hours(self) -> set[float]:
        return {row.at for row in self.sums}


def fill(world: World, known: frozenset[float], wanted: set[float], seconds: float) -> Filled:
    asked = source(world)
    assert isinstance(asked, Backfills)
    asked.backfill(known, seconds)
    filled = Filled([], [])

    def poll() -> bool:
        begun = time.time()
        reading = asked.poll(begun)
        over = (begun - 60.0) // HOUR * HOUR
        filled.sums += [row for row in reading.hours if row.at < over]
        filled.open += [row for row in reading.hours if row.at >= over]
        filled.spent += reading.spent_hours
        filled.watched += reading.watched
        filled.kept = reading.kept
        return wanted <= filled.hours()

    try:
        wait_until(poll, timeout=60.0, message="every wanted hour")
    finally:
        asked.close()
    return filled


def whole_hours(world: World) -> set[float]:
    """Those that were over for long enough when the source was asked, and have work in them."""
    last = math.floor((world.end - 120.0) / HOUR) * HOUR - HOUR
    return {hour for hour, _ in world.ledger if hour <= last}


@pytest.fixture(scope="module")
def filled(world: World) -> Filled:
    return fill(world, frozenset(), whole_hours(world), 15 * 86_400.0)


def test_the_world_was_worth_it(world: World) -> None:
    assert len(whole_hours(world)) >= HOURS - 1
    assert len({workflow for _, workflow in world.ledger}) == 6
    resets = world.server.query(f"sum(max_over_time((resets(workflow_executions_total[1h]))[{HOURS}h:1h]))")
    assert resets[0][1] > 5


def test_every_hour_equals_the_ledger(world: World, filled: Filled) -> None:
    told = {(row.at, row.subject): row for row in filled.sums if row.kind is Kind.WORKFLOW}
    assert len(told) == sum(row.kind is Kind.WORKFLOW for row in filled.sums), "each is told once"
    wanted = {key: book for key, book in world.ledger.items() if key[0] in whole_hours(world)}
    counts = {key: (row.runs, row.failures, row.tokens) for key, row in told.items() if key in wanted}
    assert counts == {key: (book.runs, book.failures, book.tokens) for key, book in wanted.items()}
    for key, book in wanted.items():
        assert told[key].cost_usd == pytest.approx(book.cost, rel=1e-9), key
    assert not told.keys() - world.ledger.keys()
    assert {(row.source, row.role) for row in filled.sums} == {("prom", Role.METRICS)}


def test_what_was_spent_in_an_hour_is_what_its_sums_say(filled: Filled) -> None:
    sums = {(row.at, row.subject): row for row in filled.sums if row.kind is Kind.WORKFLOW}
    spent: dict[tuple[float, str], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for row in filled.spent:
        if (row.at, row.key.workflow) in sums:
            tokens, usd = spent[row.at, row.key.workflow]
            used = row.amounts
            spent[row.at, row.key.workflow] = tokens + (used.tokens or 0.0), usd + (used.usd or 0.0)
    told = {key: row for key, row in sums.items() if row.tokens or row.cost_usd}
    assert spent.keys() == told.keys()
    for key, row in told.items():
        assert spent[key][0] == pytest.approx(row.tokens or 0.0), key
        assert spent[key][1] == pytest.approx(row.cost_usd or 0.0), key


def test_the_hour_that_goes_on_is_told_too(filled: Filled, world: World) -> None:
    hour = world.end // HOUR * HOUR
    told = {row.subject: row for row in filled.open if row.kind is Kind.WORKFLOW and row.at == hour}
    wanted = {name: book for (at, name), book in world.ledger.items() if at == hour}
    if not wanted or world.end - hour < 60.0:
        pytest.skip("the hour has just begun")
    assert told
    for name, row in told.items():
        assert row.runs == wanted[name].runs, name


def test_models_add_up_to_the_workflows(filled: Filled, world: World) -> None:
    for hour in whole_hours(world):
        rows = [row for row in filled.sums if row.at == hour]
        models = [row for row in rows if row.kind is Kind.MODEL]
        assert {row.subject for row in models} <= {"/m0", "p/m"}
        assert all(row.runs is None for row in models)
        assert {(row.subject, row.tokens is None, row.cost_usd is None) for row in models} <= {
            ("/m0", False, True),
            ("p/m", True, False),
        }, "tokens are told of one and cost of the other"
        for amount in ("tokens", "cost_usd"):
            whole = sum(getattr(row, amount) for row in rows if row.kind is Kind.WORKFLOW)
            assert sum(getattr(row, amount) or 0.0 for row in models) == pytest.approx(whole, rel=1e-9)


def test_an_outage_is_not_watched(world: World, filled: Filled) -> None:
    begin, end = world.outage
    spans = sorted((each.begin, each.end) for each in filled.watched)
    assert {(each.source, each.role) for each in filled.watched} == {("prom", Role.METRICS)}
    unwatched = [
        t for t in range(int(begin) + 300, int(end) - 300, 60) if not any(b < t < e for b, e in spans)
    ]
    assert len(unwatched) == len(range(int(begin) + 300, int(end) - 300, 60))
    for t in (begin - 1200.0, end + 1200.0, world.first + 900.0):
        assert any(b < t < e for b, e in spans), t
    assert min(b for b, _ in spans) >= world.first - 300.0


def polled(asked: PrometheusSource, enough: Callable[[Reading], object]) -> Reading:
    found = wait_until(lambda: r if enough(r := asked.poll(time.time())) else None)
    assert found is not None
    return found


def test_only_missing_hours_are_asked_for(world: World) -> None:
    missing = set(sorted(whole_hours(world))[2:4])
    everything = {math.floor(world.end / HOUR) * HOUR - HOUR * n for n in range(48)}
    filled = fill(world, frozenset(everything - missing), missing, 2 * 86_400.0)
    assert filled.hours() == missing


def test_how_long_it_keeps_and_how_far_back_it_reaches(world: World, filled: Filled) -> None:
    (kept,) = filled.kept
    assert (kept.subject, kept.keeps, kept.limit_seconds) == ("prom", Keeps.METRICS, 15 * 86_400.0)
    assert (kept.limit_bytes, kept.problem) == (None, None)
    assert kept.oldest_at is not None
    assert world.first <= kept.oldest_at <= world.first + 600.0


def test_nothing_is_asked_where_no_hours_are_wanted(world: World) -> None:
    asked = source(world)
    try:
        first = asked.poll(time.time())
        assert (first.hours, first.kept) == ((), ())
        reading = polled(asked, lambda reading: reading.kept)
        assert reading.hours == ()
        assert reading.watched == ()
    finally:
        asked.close()


def test_the_servers_own_metrics_tell_the_oldest_sample(tmp_path: Path) -> None:
    """One that scrapes itself and a younger one of its kind."""
    options = ["--storage.tsdb.retention.size=512MB"]
    sample = f"workflow_executions_total 1 {time.time() - 5 * HOUR:.0f}\n# EOF\n"
    with running_prometheus(tmp_path, options=options) as other:
        jobs = {"prometheus": ["self", other.url.removeprefix("http://")]}
        with running_prometheus(tmp_path, jobs=jobs, options=options, past=sample) as server:
            lowest = "prometheus_tsdb_lowest_timestamp_seconds"
            told = wait_until(lambda: found if len(found := server.query(lowest)) == 2 else None)
            asked = PrometheusSource("prom", server.url, windows=WINDOWS, profiles=load_profiles())
            try:
                kept = polled(asked, lambda reading: reading.kept).kept[0]
            finally:
                asked.close()
    assert told is not None
    mine = [value for labels, value in told if labels["instance"] == server.url.removeprefix("http://")]
    assert (kept.limit_seconds, kept.limit_bytes) == (None, 512 * 1024 * 1024)
    assert len(mine) == 1
    # The other began in the same half minute, so the metric alone cannot be believed: the probe tells.
    assert kept.oldest_at is None or kept.oldest_at >= mine[0] - 1.0


def test_restarts_and_versions_are_read_from_a_real_server(world: World) -> None:
    api = PrometheusApi(world.server.url, max_bytes=1_000_000)
    errand, scope = ChangesErrand(), Scope(jobs=frozenset({"workers"}))
    found: list[Change] = []
    with api.within(30.0):
        clock = world.first + 60.0
        while clock < world.end:
            errand.ask(api, Known(scope, clock), 0.0)
            found += errand.take()
            clock += 120.0
    api.close()
    restless = [change for change in found if change.subject == "workers 10.0.0.2:9101"]
    restarts = [change.at for change in restless if change.kind is ChangeKind.RESTART]
    # Of several within one interval only the newest, and none that nobody has scraped yet.
    assert set(restarts) <= set(world.restarts), (restarts, world.restarts)
    assert len(restarts) >= max(1, len(world.restarts) - 3)
    versions = [change.text for change in restless if change.kind is ChangeKind.VERSION]
    assert versions[0].startswith("app 1.1.0 → 1.")
    assert len(versions) >= len(restarts) - 2  # two versions at once are told when the older has gone
