"""One workload, four books: a real Prometheus, direct scraping, the logs and the ledger agree.

The ledger is what the workers know they did. Prometheus and the scraper watch before the first run;
after the last one everything holds still for two scrapes, and then every figure must be equal.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.config.schema import Duration, Windows
from wfmon.demo.incidents import ERROR_BURST
from wfmon.demo.ledger import Entry, read_ledger
from wfmon.demo.workload import Workload
from wfmon.model.metrics import MetricsSample, TokenKind
from wfmon.model.run import Run
from wfmon.sources.base import Source
from wfmon.sources.logfiles import LogFilesSource
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.scrape import ScrapeSource

pytestmark = pytest.mark.server

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))
MONEY = 1e-9

Counts = dict[tuple[str | None, str], float]
Tokens = dict[tuple[str | None, str | None, str | None, str], float]


@dataclass(frozen=True)
class Books:
    """The same workload as each of the four tells it, after it has come to rest."""

    ledger: list[Entry]
    prometheus: MetricsSample
    scraped: MetricsSample
    logged: list[Run]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    folder = tmp_path_factory.mktemp("agreement")
    workload = Workload(seed=5, incidents=[ERROR_BURST], hold=True)
    with workload:
        info = workload.info
        targets = [urlsplit(url).netloc for url in info.metrics]
        profiles = load_profiles()
        direct = ScrapeSource("direct", info.metrics, windows=WINDOWS, profiles=profiles)
        with running_prometheus(folder, targets) as server:
            wait_until(lambda: direct.poll(time.time()).partial is None, timeout=60, message="all answer")
            wait_until(
                lambda: len(server.query("up == 1")) == len(targets),
                timeout=60,
                message="Prometheus watches every worker before the first run",
            )
            workload.release()
            with polling(direct):
                wait_until(lambda: enough(read_ledger(info.ledger)), timeout=90, message="runs of all kinds")
                workload.quiet()
                wait_until(info.quiet.exists, timeout=30, message="all runs have ended")
            two_more_scrapes(server, len(targets))
            indirect = PrometheusSource("indirect", server.url, windows=WINDOWS, profiles=profiles)
            logs = LogFilesSource("logs", info.logs)
            yield Books(
                ledger=read_ledger(info.ledger),
                prometheus=second_answer_of(indirect),
                scraped=metrics_of(direct),
                logged=runs_of(logs),
            )
        assert workload.problems() == ""


def enough(entries: list[Entry]) -> bool:
    return len(entries) >= 40 and sum(entry.status == "error" for entry in entries) >= 3


class polling:
    """Scrapes every second meanwhile, as the monitor would: many looks must add up to one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=30)

    def _poll(self) -> None:
        while not self._ended.wait(1.0):
            self._source.poll(time.time())


def two_more_scrapes(server: Server, targets: int) -> None:
    """Every target has been scraped twice from now on."""
    first = time.time()
    for _ in range(2):
        wait_until(
            lambda: len(server.query(f"timestamp(up) > {first:.3f}")) == targets,  # noqa: B023
            message="a quiet scrape of every target",
        )
        first = time.time()


def metrics_of(source: Source) -> MetricsSample:
    reading = source.poll(time.time())
    assert reading.partial is None
    assert reading.metrics is not None
    return reading.metrics


def second_answer_of(source: Source) -> MetricsSample:
    """With what the first answer does not wait for."""
    metrics_of(source)
    return metrics_of(source)


def runs_of(source: Source) -> list[Run]:
    sample = source.poll(time.time()).runs
    assert sample is not None
    return [run for workflow in sample.workflows.values() for run in workflow.finished]


def counts_of(sample: MetricsSample, window: int = 0) -> Counts:
    counts = sample.runs[window].counts
    return {(key.workflow, key.status.value): n for key, n in counts.items() if n}


def ledger_counts(books: Books) -> Counts:
    return dict(Counter((entry.workflow, entry.status) for entry in books.ledger))


def tokens_of(sample: MetricsSample) -> Tokens:
    return {
        (key.workflow, key.provider, key.model, key.kind.value): amount.delta
        for key, amount in sample.tokens.items()
        if amount.delta
    }


def ledger_tokens(books: Books) -> Tokens:
    tokens: Tokens = defaultdict(float)
    for entry in books.ledger:
        for use in entry.usage:
            tokens[entry.workflow, use.provider, use.model, TokenKind.INPUT.value] += use.input_tokens
            tokens[entry.workflow, use.provider, use.model, TokenKind.OUTPUT.value] += use.output_tokens
    return {key: count for key, count in tokens.items() if count}


def cost_of(sample: MetricsSample) -> dict[str | None, float]:
    cost: dict[str | None, float] = defaultdict(float)
    for key, amount in sample.cost.items():
        assert amount.delta is not None
        cost[key.workflow] += amount.delta
    return {workflow: usd for workflow, usd in cost.items() if usd}


def ledger_cost(books: Books) -> dict[str | None, float]:
    cost: dict[str | None, float] = defaultdict(float)
    for entry in books.ledger:
        cost[entry.workflow] += entry.cost_usd
    return {workflow: usd for workflow, usd in cost.items() if usd}


def test_the_workload_was_worth_comparing(books: Books) -> None:
    statuses = {status for _, status in ledger_counts(books)}
    assert {"success", "error"} <= statuses
    assert len({entry.workflow for entry in books.ledger}) >= 3
    assert sum(ledger_tokens(books).values()) > 1000
    assert sum(ledger_cost(books).values()) > 0


def test_counts_are_equal(books: Books) -> None:
    happened = ledger_counts(books)
    assert counts_of(books.prometheus) == happened
    assert counts_of(books.scraped) == happened
    assert dict(Counter((run.workflow, run.status.value) for run in books.logged)) == happened


def test_every_window_of_the_ladder_holds_the_same_runs(books: Books) -> None:
    for window in range(len(books.prometheus.runs)):
        assert counts_of(books.prometheus, window) == ledger_counts(books)
        assert counts_of(books.scraped, window) == ledger_counts(books)


def test_tokens_are_equal(books: Books) -> None:
    happened = ledger_tokens(books)
    assert tokens_of(books.prometheus) == happened
    assert tokens_of(books.scraped) == happened
    logged: Counter[str] = Counter()
    for run in books.logged:
        logged[run.workflow] += run.usage.total or 0
        if run.usage.input is not None and run.usage.output is not None:
            assert run.usage.total == run.usage.input + run.usage.output
    spent: Counter[str | None] = Counter()
    for (workflow, *_), count in happened.items():
        spent[workflow] += int(count)
    assert {workflow: count for workflow, count in logged.items() if count} == dict(spent)


def test_single_runs_are_equal_where_the_log_names_them(books: Books) -> None:
    named = {run.id: run for run in books.logged if run.has_id}
    entries = [entry for entry in books.ledger if entry.logged_id]
    assert {entry.run_id for entry in entries} == set(named)
    for entry in entries:
        run = named[entry.run_id]
        assert (run.workflow, run.status.value) == (entry.workflow, entry.status)
        assert (run.usage.input or 0, run.usage.output or 0) == (entry.input_tokens, entry.output_tokens)


def test_cost_is_equal_to_a_billionth(books: Books) -> None:
    happened = ledger_cost(books)
    assert cost_of(books.prometheus) == pytest.approx(happened, rel=0, abs=MONEY)
    assert cost_of(books.scraped) == pytest.approx(happened, rel=0, abs=MONEY)
    logged: dict[str | None, float] = defaultdict(float)
    for run in books.logged:
        logged[run.workflow] += run.usage.cost_usd or 0.0
    priced = {workflow: usd for workflow, usd in logged.items() if usd}
    assert priced == pytest.approx(happened, rel=0, abs=MONEY)


def test_the_cost_of_the_last_hour_is_equal_to_a_billionth(books: Books) -> None:
    """Everything was spent within it."""
    happened = ledger_cost(books)
    for sample in (books.prometheus, books.scraped):
        hour: dict[str | None, float] = defaultdict(float)
        assert sample.hour_cost is not None
        for key, usd in sample.hour_cost.usd.items():
            hour[key.workflow] += usd
        told = {workflow: usd for workflow, usd in hour.items() if usd}
        assert told == pytest.approx(happened, rel=0, abs=MONEY)


def test_the_tokens_of_the_last_hour_are_equal(books: Books) -> None:
    happened = ledger_tokens(books)
    for sample in (books.prometheus, books.scraped):
        assert sample.hour_cost is not None
        hour = sample.hour_cost.tokens.items()
        told = {(k.workflow, k.provider, k.model, k.kind.value): used for k, used in hour if used}
        assert told == happened


def test_quantiles_of_both_metric_readers_are_equal(books: Books) -> None:
    assert books.prometheus.durations == books.scraped.durations
    assert books.prometheus.durations[None].p95 is not None
    finished = Counter(entry.workflow for entry in books.ledger)
    for workflow, quantiles in books.prometheus.durations.items():
        if workflow is not None and quantiles.n:
            assert 0 < quantiles.n <= finished[workflow]


def test_retries_and_calls_are_equal(books: Books) -> None:
    retries: Counter[str] = Counter()
    for entry in books.ledger:
        retries[entry.workflow] += entry.retries
    for sample in (books.prometheus, books.scraped):
        told = {workflow: amount.delta for workflow, amount in sample.retries.items() if amount.delta}
        assert told == {workflow: n for workflow, n in retries.items() if n}
        assert sum(amount.delta or 0 for amount in sample.calls.values()) == sum(
            entry.api_calls for entry in books.ledger
        )


def test_nothing_is_left_active(books: Books) -> None:
    for sample in (books.prometheus, books.scraped):
        assert not any(sample.active.values())
