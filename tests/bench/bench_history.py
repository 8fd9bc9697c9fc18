"""What it costs to write and to read the history, and how large it gets. Prints figures."""

from __future__ import annotations

import asyncio
import os
import random
import time
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from bench.report import Bar, insist, millis, share, table
from wfmon.model.history import LAST, LEVELS, Batch, HourSum, Kind, Point, Role, Table, Watched
from wfmon.model.look import Look, Target
from wfmon.model.past import SeriesRequest
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.monitor.memory import StoredMemory
from wfmon.store.acks import AckStore
from wfmon.store.history import codec
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import DAY, HOUR, HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir, state_dir
from wfmon.text.numbers import size

T0 = 1_772_000_000.0 // DAY * DAY
SETTINGS = HistorySettings()
BATCH_SECONDS = 10.0
FULL = 500


class World:
    """Workflows whose figures move as measured ones do: counts of a window that slides, quantiles that
    stay while no run ends, rates that change a little every time."""

    def __init__(self, workflows: int) -> None:
        self.random = random.Random(workflows)
        self.names = tuple(f"team-{number % 23}/workflow_{number}" for number in range(workflows))
        pick = self.random
        self.per_minute = [pick.lognormvariate(-0.5, 1.2) for _ in self.names]
        self.length = [pick.lognormvariate(3, 1) for _ in self.names]
        self.figures = [self._row(place) for place in range(workflows)]
        self.turn = 0

    def _row(self, place: int) -> list[float]:
        pick, rate, window = self.random, self.per_minute[place], 300.0
        n = max(0, round(pick.gauss(rate * 5, (rate * 5) ** 0.5)))
        failed = sum(pick.random() < 0.02 for _ in range(n))
        missing = float("nan")
        p50 = self.length[place] * pick.lognormvariate(0, 0.2)
        levels = [
            float(round(rate * self.length[place] / 60)), n, failed, n / 5,
            sum(pick.random() < 0.03 for _ in range(n)),
            p50 if n else missing, p50 * pick.uniform(1.5, 3) if n else missing,
            n / 5 * pick.lognormvariate(8, 0.3), n * 12 * pick.lognormvariate(-4, 0.3), n / 5 * 3,
            4096.0 * pick.randint(20_000, 90_000),
        ]  # fmt: skip
        return [*levels, window, pick.uniform(0, 120 / rate), float(failed > 0)]

    def point(self, at: float, seconds: float) -> Point:
        """A minute after the last one a tenth of the workflows had a run that ended."""
        changing = min(1.0, 0.1 * seconds / 10)
        for place, row in enumerate(self.figures):
            row[12] += seconds
            if self.random.random() < changing * min(1.0, 4 * self.per_minute[place]):
                self.figures[place] = self._row(place)
        workflow = (*LEVELS[Kind.WORKFLOW], *LAST[Kind.WORKFLOW])
        rows = {
            name: array("f", column)
            for name, column in zip(workflow, zip(*self.figures, strict=True), strict=True)
        }
        total = {name: array("f", [self.random.random()]) for name in LEVELS[Kind.TOTAL]}
        host = {name: array("f", [self.random.random()]) for name in LEVELS[Kind.HOST]}
        volumes = {name: array("f", [self.random.random()] * 3) for name in LEVELS[Kind.VOLUME]}
        return Point(
            at,
            seconds,
            {
                Kind.TOTAL: Table(("",), total),
                Kind.WORKFLOW: Table(self.names, rows),
                Kind.HOST: Table(("",), host),
                Kind.VOLUME: Table(("/", "/var", "/home"), volumes),
            },
        )

    def batch(self, at: float) -> Batch:
        self.turn += 1
        hour = at // HOUR * HOUR
        runs = []
        for place, name in enumerate(self.names):
            if self.random.random() < self.per_minute[place] / 6:
                runs.append(self.run(place, name, at - self.random.random() * 10))
        grown = tuple(
            HourSum(hour, Kind.WORKFLOW, run.workflow, "prom", Role.METRICS, 1.0, 0.0, 900.0, 0.01)
            for run in runs
        )
        return Batch(
            at,
            points=(self.point(at - 10, 10.0),),
            runs=tuple(runs),
            grown=grown,
            watched=(Watched("prom", Role.METRICS, at - 10, at),),
            looks=((Target("ab12", "x"), Look(at, self.lines())),),
        )

    def run(self, place: int, name: str, ended_at: float) -> Run:
        status = RunStatus.ERROR if self.random.random() < 0.02 else RunStatus.SUCCESS
        usage = Usage(total=self.random.randint(500, 9000), cost_usd=self.random.random() / 50)
        length = self.length[place]
        return Run(
            f"run-{self.random.getrandbits(64):016x}", name, status, ended_at - length, ended_at, length,
            usage=usage, source="app logs", log="/var/log/wf/app.jsonl",
        )  # fmt: skip

    def lines(self) -> bytes:
        """What a target of a few series per workflow says."""
        return b"".join(
            f'runs_total{{workflow="{name}",status="{status}"}} {self.turn * 31 + place}\n'.encode()
            for place, name in enumerate(self.names)
            for status in ("success", "error", "tokens", "cost")
        )


def lane(path: Path) -> StateDir:
    return state_dir(str(path / "lane"), {})


def writer_of(state: StateDir) -> HistoryWriter:
    writer = HistoryWriter(state, SETTINGS)
    writer.begin(1, 1, "joe", "1", T0)
    return writer


@pytest.mark.bench
@pytest.mark.parametrize(("workflows", "hours"), [(7, 3.0), (FULL, 1.2)])
def test_writing(tmp_path: Path, workflows: int, hours: float) -> None:
    """Roll-ups of minutes and of an hour are in it."""
    world, writer = World(workflows), writer_of(lane(tmp_path))
    spent, worst, count = 0.0, 0.0, int(hours * HOUR / BATCH_SECONDS)
    for number in range(1, count + 1):
        batch = world.batch(T0 + number * BATCH_SECONDS)
        began = time.process_time()
        writer.write(batch)
        writer.tidy(batch.at)
        took = time.process_time() - began
        spent, worst = spent + took, max(worst, took)
    writer.close()
    bars = [
        Bar(f"CPU of writing, {workflows} workflows", spent / (count * BATCH_SECONDS), 0.003, share),
        Bar("the dearest batch", worst, None, millis),
    ]
    print(table(bars))


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateDir]:
    """A year of 500 workflows, all tiers full. Of each tier one in ``WFMON_BENCH_HISTORY`` points (60)
    is made anew; between them its bytes are written again."""
    state = lane(tmp_path_factory.mktemp("year"))
    writer, world = writer_of(state), World(FULL)
    writer.write(world.batch(T0))
    one_in = int(os.environ.get("WFMON_BENCH_HISTORY", "60"))
    end = T0
    numbers = writer._names.all()
    ids = {name: number for number, name in numbers.items()}

    def fill(connection: object) -> None:
        import sqlite3

        assert isinstance(connection, sqlite3.Connection)
        for tier in SETTINGS.tiers:
            packed = b""
            for number in range(int(tier.keep / tier.seconds)):
                at = end - (number + 1) * tier.seconds
                if number % one_in == 0:
                    packed = packed_point(connection, world, ids, at, tier.seconds)
                connection.execute(
                    "INSERT OR REPLACE INTO points (seconds, at, packed) VALUES (?, ?, ?)",
                    (tier.seconds, at, packed),
                )

    writer._database.write(fill)
    writer._database.write(lambda connection: fill_rows(connection, world, ids, end))
    writer.close()
    yield state
    for file in state.path.iterdir():  # half a gigabyte that pytest would keep
        file.unlink()


def packed_point(connection: object, world: World, ids: dict[str, int], at: float, seconds: float) -> bytes:
    import sqlite3

    from wfmon.store.history.rollup import Columns, joined
    from wfmon.store.history.tables import by_ids

    assert isinstance(connection, sqlite3.Connection)

    def number(name: str) -> int:
        if name not in ids:
            given = connection.execute("INSERT INTO names (name, used) VALUES (?, ?)", (name, at)).lastrowid
            assert given is not None
            ids[name] = given
        return ids[name]

    # An hour is told by twelve of its points, five minutes apart.
    parts = 1 if seconds == 10 else 6 if seconds == 60 else 12
    points = [world.point(at, seconds / parts) for _ in range(parts)]
    tables = {}
    for kind in points[0].tables:
        told = [rows for each in points if (rows := by_ids(each.tables[kind], kind, number)) is not None]
        rows = told[0]
        if parts > 1:
            rows = joined([(at, each) for each in told], Columns.of(kind, ids), at + seconds)
        if kind is Kind.WORKFLOW and seconds == HOUR:
            pick = world.random
            sums = {
                number("runs"): array("f", [round(60 * rate) for rate in world.per_minute]),
                number("failures"): array("f", [pick.randint(0, 3) for _ in world.names]),
                number("tokens"): array("f", [pick.randint(0, 10**6) for _ in world.names]),
                number("cost_usd"): array("f", [pick.random() for _ in world.names]),
            }
            rows = codec.Rows(rows.subjects, {**rows.columns, **sums})
        tables[number(kind.value)] = rows
    left = {kind: known for kind, rows in tables.items() if (known := codec.known(rows)) is not None}
    return codec.encode(left)


def fill_rows(connection: object, world: World, ids: dict[str, int], end: float) -> None:
    """500 runs and 35 days of hours of each workflow, by logs and by metrics."""
    import sqlite3

    from wfmon.store.history import ring

    assert isinstance(connection, sqlite3.Connection)
    for place, name in enumerate(world.names):
        rows = [
            (ids[name], *ring.to_row(world.run(place, name, end - 60 * number), 1, end - 60 * number))
            for number in range(SETTINGS.keep_runs)
        ]
        connection.executemany(
            f"INSERT INTO runs (workflow, {ring.COLUMNS}) VALUES ({', '.join('?' * 16)})", rows
        )
    for hour in range(int(SETTINGS.hours_keep / HOUR)):
        connection.executemany(
            "INSERT INTO hours VALUES (?, 1, ?, 2, ?, ?, ?, ?, ?)",
            [
                (end - (hour + 1) * HOUR, ids[name], role, 31.0, 2.0, 81234.0, world.random.random())
                for name in world.names
                for role in (3, 4)
            ],
        )


@pytest.mark.bench
def test_a_year(year: StateDir) -> None:
    settings, read = SETTINGS, HistoryReader(year, SETTINGS)
    writer = HistoryWriter(year, settings)
    began = time.process_time()
    writer.begin(2, 1, "joe", "1", T0)
    opening = time.process_time() - began
    status = writer.status(T0)
    assert status.size_bytes is not None
    assert read.bounds() is not None
    pick = random.Random(5)
    moments = [T0 - pick.random() * pick.choice([DAY, 7 * DAY, 364 * DAY]) for _ in range(100)]
    point = dearest(read.point, moments)
    near = dearest(read.near, moments)
    world = World(FULL)
    name = world.names[world.per_minute.index(max(world.per_minute))]
    spans = [HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY]

    def series(span: float) -> None:
        found = read.series(SeriesRequest(Kind.WORKFLOW, name, "error_ratio", T0 - span, T0, 60))
        assert sum(value is not None for value in found.values) > 30

    drawn = max(median(partial(series, span)) for span in spans)
    listed = median(lambda: read.runs(name, 500))
    mib = status.size_bytes / 1e6
    bars = [
        Bar("bytes of a year of 500 workflows", mib, 500.0, lambda value: f"{value:.0f} MB", sure=True),
        Bar("CPU of a whole moment, the dearest of 100", point, 0.1, millis),
        Bar("CPU of what is beside it, the dearest of 100", near, 0.1, millis),
        Bar("CPU of a series of 60 steps, the dearest span", drawn, 0.02, millis),
        Bar("CPU of 500 runs of a workflow", listed, None, millis),
        Bar("CPU of begin", opening, None, millis),
    ]
    print(table(bars))
    print(shares(year), f"limit {size(settings.max_bytes)}")
    insist(bars)


@pytest.mark.bench
def test_a_moment_as_the_screen_asks_for_it(year: StateDir) -> None:
    """Rows with their trends, runs, states, changes, alerts and the verdict, through the door."""
    acks = AckStore(year)
    memory = StoredMemory(HistoryReader(year, SETTINGS), acks, None)
    pick = random.Random(6)
    moments = [T0 - pick.random() * pick.choice([DAY, 7 * DAY, 364 * DAY]) for _ in range(100)]
    took = []
    for at in moments:
        began = time.perf_counter()
        found = asyncio.run(memory.moment(at))
        took.append(time.perf_counter() - began)
        assert found.snapshot is not None
        assert len(found.snapshot.workflows) == FULL
    memory.close()
    acks.close()
    took.sort()
    bars = [
        Bar("a past moment of 500 workflows, median of 100", took[50], 0.1, millis),
        Bar("the same, p95", took[95], 0.1, millis),
        Bar("the same, the longest", took[-1], None, millis),
    ]
    print(table(bars))


def dearest(ask: Callable[[float], object], moments: list[float]) -> float:
    worst = 0.0
    for at in moments:
        began = time.process_time()
        ask(at)
        worst = max(worst, time.process_time() - began)
    return worst


def median(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(9):
        began = time.process_time()
        ask()
        took.append(time.process_time() - began)
    return sorted(took)[len(took) // 2]


def shares(state: StateDir) -> str:
    """Bytes of the blobs by tier."""
    import sqlite3

    with sqlite3.connect(state.path / "history.db") as connection:
        rows = connection.execute(
            "SELECT seconds, count(*), sum(length(packed)) FROM points GROUP BY seconds"
        ).fetchall()
    return " · ".join(f"{seconds:.0f} s: {count} x {total // count} B" for seconds, count, total in rows)
