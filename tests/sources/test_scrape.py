"""The scrape source against real HTTP servers on loopback."""

from __future__ import annotations

import gzip
import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from support import hostile_http as hostile
from wfmon.config import schema
from wfmon.model.metrics import Amount, CallKey, Concept, CostKey, MetricsSample, RunKey, TokenKey, TokenKind
from wfmon.model.run import RunStatus
from wfmon.model.source import Failure
from wfmon.model.windows import window_ladder
from wfmon.sources.base import Reading, Source, SourceError
from wfmon.sources.profile import Profile, load_profiles, parse_profile
from wfmon.sources.scrape import ScrapeSource

WINDOWS = schema.Windows(
    runs=schema.Duration(300), grow_runs=20, max=schema.Duration(21600), rate=schema.Duration(300)
)
ERROR, SUCCESS = RunStatus.ERROR, RunStatus.SUCCESS


class Target:
    """A ``/metrics`` server whose text a test changes. ``up`` False: it answers 500."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.up = True
        self.url = ""


@contextmanager
def target(text: str = "") -> Iterator[Target]:
    state = Target(text)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, else every answer waits 40 ms for an ACK

        def do_GET(self) -> None:
            body = gzip.compress(state.text.encode()) if state.up else b""
            self.send_response(200 if state.up else 500)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Encoding", "gzip" if state.up else "identity")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_port}/metrics"
        yield state
        server.shutdown()


@contextmanager
def scraping(
    *urls: str, timeout: float = 10.0, profiles: tuple[Profile, ...] = (), narrowed: bool = False
) -> Iterator[ScrapeSource]:
    source = ScrapeSource(
        "workers",
        urls,
        windows=WINDOWS,
        profiles=profiles or load_profiles(),
        timeout=timeout,
        narrowed=narrowed,
    )
    try:
        yield source
    finally:
        source.close()


def figures(reading: Reading) -> MetricsSample:
    assert reading.metrics is not None
    return reading.metrics


def test_a_real_client_from_its_first_run_on() -> None:
    registry = CollectorRegistry()
    runs = Counter("workflow_executions_total", "h", ["workflow", "status"], registry=registry)
    durations = Histogram("workflow_duration_seconds", "h", ["workflow"], registry=registry)
    active = Gauge("active_workflows", "h", registry=registry)
    tokens = Counter("token_usage_total", "h", ["model"], registry=registry)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        with scraping(f"http://127.0.0.1:{server.server_port}/metrics") as source:
            assert isinstance(source, Source)
            first = source.poll(1000.0)
            assert not first.settled
            assert first.profile == "seed"
            assert first.sees == "runs active tokens duration"
            assert figures(first).covered == 0.0
            runs.labels("invoice", "failed").inc()
            runs.labels("mail", "completed").inc(3)
            durations.labels("invoice").observe(1.2)
            tokens.labels("gpt").inc(500)
            active.set(2)
            second = source.poll(1005.0)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
    sample = figures(second)
    assert second.settled
    assert sample.runs[0].counts == {
        RunKey("invoice", ERROR): 1.0,  # the first failure counts
        RunKey("invoice", SUCCESS): 0.0,
        RunKey("mail", SUCCESS): 3.0,
        RunKey("mail", ERROR): 0.0,
    }
    assert (sample.runs[0].seconds, sample.runs[0].covered) == (300.0, 5.0)
    assert sample.active == {None: 2.0}
    assert sample.tokens == {TokenKey(None, None, "gpt", TokenKind.TOTAL): Amount(500.0, 500.0)}
    quantiles = sample.durations["invoice"]
    assert (quantiles.p50, quantiles.n) == (1.75, 1.0)  # the middle of the bucket 1.0 .. 2.5
    assert sample.durations[None] == quantiles
    assert {"cost: not exposed by seed", "tokens by workflow: label not exposed"} <= set(second.missing)
    assert "tokens by direction: label not exposed" in second.missing
    assert sample.cost == {}
    assert Concept.COST not in sample.exposed


EVERYTHING = """
workflow_executions_total{workflow="a",status="success"} %(n)d
workflow_retries_total{workflow="a"} %(n)d
api_calls_total{provider="openai",status="200"} %(n)d
api_calls_total{provider="openai",status="429"} 1
token_usage_total{workflow="a",model="m",provider="p",type="input"} %(n)d00
token_usage_total{workflow="a",model="m",provider="p",type="output"} %(n)d0
cost_usd_total{workflow="a",provider="p",model="m"} %(n)d.25
workflow_queue_depth 7
active_workflows{workflow="a"} 1
active_workflows{workflow="b"} 2
process_resident_memory_bytes 1e6
"""


def test_every_figure_of_the_convention() -> None:
    with target(EVERYTHING % {"n": 1}) as server, scraping(server.url) as source:
        source.poll(1000.0)
        server.text = EVERYTHING % {"n": 4}
        reading = source.poll(1060.0)
    sample = figures(reading)
    assert sample.retries == {"a": Amount(3.0, 4.0)}
    assert sample.calls == {
        CallKey(None, "openai", True): Amount(3.0, 4.0),
        CallKey(None, "openai", False): Amount(0.0, 1.0),
    }
    assert sample.tokens == {
        TokenKey("a", "p", "m", TokenKind.INPUT): Amount(300.0, 400.0),
        TokenKey("a", "p", "m", TokenKind.OUTPUT): Amount(30.0, 40.0),
    }
    assert sample.cost == {CostKey("a", "p", "m"): Amount(3.0, 4.25)}
    assert (sample.active, sample.queue, sample.memory) == ({"a": 1.0, "b": 2.0}, {None: 7.0}, {None: 1e6})
    assert sample.covered == 60.0
    assert "duration: not exposed by seed" in reading.missing


def test_after_one_look_growth_is_unknown_and_totals_are_known() -> None:
    with target(EVERYTHING % {"n": 4}) as server, scraping(server.url) as source:
        sample = figures(source.poll(1000.0))
    assert sample.cost == {CostKey("a", "p", "m"): Amount(None, 4.25)}
    assert sample.retries == {"a": Amount(None, 4.0)}
    assert all(window.covered == 0.0 for window in sample.runs)


def test_the_ladder_of_windows() -> None:
    assert window_ladder(300.0, 21600.0) == (300.0, 600.0, 900.0, 1800.0, 3600.0, 10800.0, 21600.0)
    assert window_ladder(300.0, 2000.0) == (300.0, 600.0, 900.0, 1800.0, 2000.0)
    with target() as server, scraping(server.url) as source:
        for minute in range(0, 31):
            server.text = f'workflow_executions_total{{workflow="a",status="ok"}} {100 + minute}\n'
            sample = figures(source.poll(1000.0 + 60.0 * minute))
    grown = [(w.seconds, w.covered, w.counts[RunKey("a", SUCCESS)]) for w in sample.runs[:5]]
    assert grown == [(300, 300, 5), (600, 600, 10), (900, 900, 15), (1800, 1800, 30), (3600, 1800, 30)]


def test_targets_are_summed_and_one_that_is_down_makes_the_reading_partial() -> None:
    with target() as one, target() as two, scraping(one.url, two.url) as source:
        for n in (1, 3):
            one.text = f'workflow_executions_total{{workflow="a",status="ok"}} {n}\nactive_workflows 1\n'
            two.text = f'workflow_executions_total{{workflow="a",status="ok"}} {10 * n}\nactive_workflows 5\n'
            reading = source.poll(1000.0 + n)
        sample = figures(reading)
        assert sample.runs[0].counts[RunKey("a", SUCCESS)] == 22.0
        assert sample.active == {None: 6.0}
        assert reading.partial is None
        two.up = False
        one.text = one.text.replace("} 3", "} 4")
        reading = source.poll(1010.0)
        sample = figures(reading)
        assert sample.runs[0].counts[RunKey("a", SUCCESS)] == 23.0, "what the other said stays true"
        assert sample.active == {None: 1.0}
        assert reading.partial is not None
        assert reading.partial.startswith("1 of 2 targets: http error: " + two.url)
        assert reading.partial_failure is Failure.HTTP
        assert sample.runs[0].covered == 2.0, "the other is known up to its last answer only"
        one.up = False
        with pytest.raises(SourceError, match="and 1 more"):
            source.poll(1015.0)
        one.up = two.up = True
        two.text = two.text.replace("} 30", "} 37")
        sample = figures(source.poll(1040.0))
        assert sample.runs[0].counts[RunKey("a", SUCCESS)] == 30.0, "growth of the outage counts when seen"


def test_a_target_that_hangs_holds_no_other() -> None:
    with (
        hostile.serving(hostile.hang) as dead,
        target("active_workflows 1\n") as alive,
        scraping(*[f"{dead.url}/{number}" for number in range(9)], alive.url, timeout=2.0) as source,
    ):
        begin = time.monotonic()
        reading = source.poll(1000.0)
        assert time.monotonic() - begin < 15.0
    assert figures(reading).active == {None: 1.0}
    assert reading.partial is not None
    assert reading.partial.startswith("9 of 10 targets: slow: ")


def test_a_restart_of_the_process() -> None:
    def text(start: int, **runs: int) -> str:
        rows = [
            f'workflow_executions_total{{workflow="{name}",status="failed"}} {n}' for name, n in runs.items()
        ]
        return "\n".join([*rows, f"process_start_time_seconds {start}", ""])

    with target(text(1, a=50, b=2, c=5)) as server, scraping(server.url) as source:
        source.poll(1000.0)
        server.up = False
        with pytest.raises(SourceError):
            source.poll(1005.0)
        server.up = True
        server.text = text(900, a=1, b=4)  # b has overtaken itself, c has had no event yet
        source.poll(1010.0)
        server.text = text(900, a=1, b=4, c=6)
        counts = figures(source.poll(1015.0)).runs[0].counts
        server.text = text(2000, a=2, b=5, c=6)  # another start time, nothing fell: kept counters
        kept = figures(source.poll(1020.0)).runs[0].counts
    assert [counts[RunKey(name, ERROR)] for name in "abc"] == [1.0, 4.0, 6.0]
    assert [kept[RunKey(name, ERROR)] for name in "abc"] == [2.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (hostile.html_page, Failure.NOT_METRICS),
        (hostile.scalar_answer, Failure.NOT_METRICS),
        (hostile.unauthorized, Failure.AUTH),
        (hostile.not_found, Failure.NOT_FOUND),
        (hostile.drip_body, Failure.TIMEOUT),
        (hostile.big_body(), Failure.TOO_LARGE),
    ],
)
def test_failures_are_states(behaviour: hostile.Behaviour, failure: Failure) -> None:
    with hostile.serving(behaviour) as server:
        source = ScrapeSource(
            "x",
            [server.url + "/metrics?token=sesame"],
            windows=WINDOWS,
            profiles=load_profiles(),
            timeout=1.0 if failure is Failure.TIMEOUT else 10.0,
            max_bytes=1_000_000,
        )
        with pytest.raises(SourceError) as caught:
            source.poll(1000.0)
        source.close()
    assert caught.value.failure is failure
    assert server.url in caught.value.detail
    assert "sesame" not in caught.value.detail + source.where
    assert "\x1b" not in caught.value.detail


def test_a_redirected_endpoint_is_found() -> None:
    with (
        target("active_workflows 3\n") as server,
        hostile.serving(hostile.redirect_to(server.url)) as moved,
        scraping(moved.url + "/metrics") as source,
    ):
        assert figures(source.poll(1000.0)).active == {None: 3.0}


def test_lying_and_broken_exporters() -> None:
    text = """# TYPE workflow_executions_total gauge
workflow_executions_total{workflow="a",status="ok"} %d
workflow_executions_total{workflow="nan",status="ok"} NaN
# TYPE workflow_executions_total_created gauge
workflow_executions_total_created{workflow="a",status="ok"} 1.7e9
workflow_executions_total{workflow="\x1b[31m[red]"} broken
# TYPE active_workflows counter
active_workflows NaN
active_workflows{workflow="a"} 2
token_usage_total{model="m"} +Inf
workflow_duration_seconds_bucket{le="x"} 5
"""
    with target(text % 5) as server, scraping(server.url) as source:
        source.poll(1000.0)
        server.text = text % 9
        reading = source.poll(1005.0)
    sample = figures(reading)
    assert sample.runs[0].counts[RunKey("a", SUCCESS)] == 4.0
    assert RunKey("nan", SUCCESS) not in sample.runs[0].counts, "unknown is not zero"
    assert sample.active == {"a": 2.0}
    assert sample.tokens == {}
    assert f"{server.url}: 2 counters are not a number" in reading.missing
    (told,) = [words for words in reading.missing if "not understood" in words]
    assert told.startswith(f"{server.url}: 1 line not understood, the first: workflow_executions_total")
    assert "\x1b" not in told


def test_label_values_are_made_safe() -> None:
    with (
        target('active_workflows{workflow="\x1b]0;x\x07[bold]\\n"} 1\n') as server,
        scraping(server.url) as source,
    ):
        assert list(figures(source.poll(1000.0)).active) == ["␛]0;x␇[bold]␤"]


def test_nothing_known_is_told() -> None:
    seed = tuple(profile for profile in load_profiles() if profile.name == "seed")
    with target("node_load1 0.5\n") as server, scraping(server.url, profiles=seed) as source:
        reading = source.poll(1000.0)
    assert (reading.profile, reading.sees) == (None, "")
    assert figures(reading).exposed == frozenset()
    assert reading.missing[0].startswith("no known metric: looked for workflow_executions_total")
    assert figures(reading).runs == ()
    with target("node_load1 0.5\n") as server, scraping(server.url) as source:
        (words,) = source.poll(1000.0).missing
    assert words.startswith("no known metric: looked for those of Airflow, Argo Workflows")


N8N = """
schema = 1
name = "n8n"
title = "n8n"
prefix = "n8n_"
detect = ["{p}version_info"]
[labels]
workflow = ["workflow_name", "workflow_id"]
status = ["status"]
[names.workflow]
metric = "{p}workflow_info"
key = "workflow_id"
label = "workflow_name"
[signals]
runs = [{ metric = "{p}exec_seconds", type = "histogram", match = 'mode!="manual"', lazy = true }]
duration = [{ metric = "{p}exec_seconds" }]
active = [
  { metric = ["{p}none", "{p}running"], scale = 2.0 },
  { metric = "{p}ai", set = { workflow = "ai" } },
]
cost = [{ metric = "{p}spend", expr = "sum(increase({p}spend[$window]))" }]
"""


def test_a_profile_with_joins_matchers_scales_and_histograms_as_counters() -> None:
    text = """n8n_version_info{version="2"} 1
n8n_workflow_info{workflow_id="7",workflow_name="Doc \\"β\\""} 1
n8n_exec_seconds_bucket{workflow_id="7",status="failed",mode="webhook",le="1"} %(n)d
n8n_exec_seconds_bucket{workflow_id="7",status="failed",mode="webhook",le="+Inf"} %(n)d
n8n_exec_seconds_count{workflow_id="7",status="failed",mode="webhook"} %(n)d
n8n_exec_seconds_count{workflow_id="7",status="failed",mode="manual"} %(n)d00
n8n_running 3
n8n_ai 1
n8n_spend 5
"""
    profile = parse_profile(N8N.encode(), "n8n.toml")
    with target(text % {"n": 1}) as server, scraping(server.url, profiles=(profile,)) as source:
        source.poll(1000.0)
        server.text = text % {"n": 3}
        reading = source.poll(1005.0)
    sample = figures(reading)
    name = 'Doc "β"'
    assert sample.runs[0].counts == {RunKey(name, ERROR): 2.0, RunKey(name, SUCCESS): 0.0}
    assert sample.durations[name].p50 == 0.5
    assert sample.active == {None: 6.0, "ai": 1.0}
    assert "cost: n8n has a PromQL expression, not for scraping" in reading.missing


def test_two_profiles_never_add_up_one_figure() -> None:
    other = """schema = 1
name = "zother"
title = "Z"
detect = ["z_active"]
[signals]
active = [{ metric = "z_active" }]
queue = [{ metric = "z_queue" }]
"""
    both = (*load_profiles(), parse_profile(other.encode(), "z.toml"))
    with (
        target("active_workflows 1\nz_active 9\nz_queue 4\n") as server,
        scraping(server.url, profiles=both) as source,
    ):
        reading = source.poll(1000.0)
    seed, beside = reading.samples
    assert (seed.profile, seed.title, seed.layer) == ("seed", "workflow_* convention", "engine")
    assert (seed.active, seed.queue) == ({None: 1.0}, {})
    assert (beside.profile, beside.title, beside.active, beside.queue) == (
        "zother",
        "Z",
        {None: 9.0},
        {None: 4.0},
    )
    assert reading.profile == "seed, zother"
    assert "queue: not exposed by seed" in reading.missing


def test_from_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPE_TOKEN", "sesame")
    with hostile.serving(
        hostile.answering(hostile.response("200 OK", b"active_workflows 1\n", "text/plain"))
    ) as server:
        config = schema.Source(
            name="workers",
            kind="scrape",
            url=server.url,
            auth=schema.Auth(bearer="env:SCRAPE_TOKEN"),
            profiles=["seed"],
        )
        source = ScrapeSource.from_config(config, WINDOWS, load_profiles())
        assert (source.name, source.kind, source.interval, source.timeout) == ("workers", "scrape", 5.0, 5.0)
        source.poll(1000.0)
        source.close()
        assert b"Authorization: Bearer sesame" in server.requests[0]
        monkeypatch.delenv("SCRAPE_TOKEN")
        with pytest.raises(SourceError) as caught:
            ScrapeSource.from_config(config, WINDOWS, load_profiles()).poll(1000.0)
    assert caught.value.failure is Failure.AUTH


def test_without_a_url_it_says_so() -> None:
    with pytest.raises(SourceError, match="no url"):
        ScrapeSource("x", [], windows=WINDOWS, profiles=()).poll(1000.0)


def test_a_day_of_runs_equals_its_ledger() -> None:
    """Births, bursts, quiet and unreachable times of a seeded workload: nothing is lost or invented."""
    rng = random.Random(7)
    ledger: dict[tuple[str, str], int] = {}
    spent = 0.0
    bounds = (0.1, 1.0, 10.0)
    buckets = [0] * 4
    with target("# TYPE workflow_executions_total counter\n") as server, scraping(server.url) as source:
        source.poll(0.0)
        for step in range(1, 400):
            for _ in range(rng.choice((0, 0, 0, 1, 5))):
                key = (rng.choice("abc"), rng.choice(("success", "success", "failed", "timeout")))
                ledger[key] = ledger.get(key, 0) + 1
                spent += rng.random()
                took = rng.expovariate(1.0)
                for index, bound in enumerate((*bounds, math.inf)):
                    buckets[index] += took <= bound
            rows = [
                f'workflow_executions_total{{workflow="{w}",status="{s}"}} {n}'
                for (w, s), n in ledger.items()
            ]
            rows += [f"cost_usd_total {spent!r}", f"workflow_duration_seconds_count {buckets[-1]}"]
            rows += [
                f'workflow_duration_seconds_bucket{{le="{b}"}} {n}'
                for b, n in zip((*bounds, "+Inf"), buckets, strict=True)
            ]
            server.text = "\n".join(rows) + "\n"
            server.up = rng.random() > 0.05 or step == 399
            try:
                reading = source.poll(0.7 * step)
            except SourceError:
                continue
    sample = figures(reading)
    words = {"success": SUCCESS, "failed": ERROR, "timeout": RunStatus.TIMEOUT}
    assert sample.runs[0].covered == pytest.approx(0.7 * 399)
    counted = {key: n for key, n in sample.runs[0].counts.items() if n}
    assert counted == {RunKey(w, words[s]): float(n) for (w, s), n in ledger.items()}
    (cost,) = sample.cost.values()
    assert cost.delta == pytest.approx(spent, abs=1e-9)
    assert sample.durations[None].n == buckets[-1]


def test_a_profile_that_another_target_replaces_is_not_used_beside_it() -> None:
    """As of a server and its workers: both count one run."""
    head = 'schema = 1\nname = "{}"\ntitle = "{}"\ndetect = ["{}"]\n{}\n[signals]\n'
    workers = head.format("workers", "Workers", "worker_runs_total", "")
    server = head.format("server", "Server", "server_runs_total", 'replaces = ["workers"]')
    profiles = (
        parse_profile(f'{workers}runs = [{{ metric = "worker_runs_total" }}]'.encode(), "workers.toml"),
        parse_profile(f'{server}runs = [{{ metric = "server_runs_total" }}]'.encode(), "server.toml"),
    )
    with (
        target("worker_runs_total 5\n") as worker,
        target("server_runs_total 5\n") as main,
        scraping(worker.url, main.url, profiles=profiles) as both,
        scraping(worker.url, profiles=profiles) as alone,
    ):
        both.poll(1000.0)
        alone.poll(1000.0)
        worker.text, main.text = "worker_runs_total 7\n", "server_runs_total 7\n"
        reading = both.poll(1060.0)
        assert reading.profile == "server"
        assert not reading.beside
        assert figures(reading).runs[0].counts == {RunKey(None, RunStatus.OTHER): 2.0}
        assert alone.poll(1060.0).profile == "workers"
