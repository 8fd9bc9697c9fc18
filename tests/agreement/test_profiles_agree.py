"""The same random histories, read by scraping and by asking a real Prometheus: every concept agrees.

Where one query cannot know what happened (``histories.slack``; docs/profiles.md "Where the two readers
differ") the difference is bounded. ``WFMON_AGREE_EXAMPLES`` asks for more examples, which are then random.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from agreement.histories import LOOKS, STEP, History, Look, Metric, Series, histories, slack
from support.remotewrite import OPTION, STALE, remote_write
from support.servers import Server, running_prometheus
from wfmon.config.schema import Duration, Windows
from wfmon.model.metrics import Amount, MetricsSample
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.http import Answer
from wfmon.sources.profile import Profile, parse_profile
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.prometheus_api import PrometheusApi, Row
from wfmon.sources.scrape import ScrapeSource

pytestmark = pytest.mark.server

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(600), rate=Duration(300))
MORE = int(os.environ.get("WFMON_AGREE_EXAMPLES", "0"))
EXAMPLES = 20

ENGINE = """
schema = 1
name = "engine"
title = "Engine"
prefix = "PREFIX_"
detect = ["{p}runs_total"]
empty = ["None"]
zero_cost_is_unpriced = true
[labels]
workflow = ["workflow", "flow"]
status = ["status"]
model = ["model"]
provider = ["provider"]
kind = ["type"]
[values.status]
error = ["boom"]
[signals]
runs = [{ metric = "{p}runs_total", lazy = true }]
active = [{ metric = "{p}active" }]
queue = [{ metric = "{p}waiting", agg = "max" }]
duration = [{ metric = "{p}seconds" }]
wait = [{ metric = "{p}wait_seconds", type = "summary" }]
retries = [{ metric = "{p}attempts_total" }, { metric = "{p}finals_total", scale = -1 }]
timeouts = [{ metric = "{p}timeouts", type = "counter", lazy = "always" }]
calls = [{ metric = "{p}calls_total" }]
tokens = [{ metric = "{p}tokens_total" }]
cost = [{ metric = "{p}usd_total" }]
budget = [{ metric = "{p}budget_usd", agg = "min" }]
memory = [{ metric = "{p}rss_bytes", by = ["workflow"] }]
"""
AGENT = """
schema = 1
name = "agent"
title = "Agent"
layer = "agent"
prefix = "PREFIX_"
detect = ["{p}op", "{p}op_ms"]
target_labels = ["service_name"]
[labels]
workflow = ["agent", "service_name"]
status = ["error_type"]
kind = ["token_type"]
[values.status]
success = [""]
error = ["*"]
[signals]
runs = [{ metric = ["{p}op", "{p}op_ms"], type = "histogram", lazy = true }]
duration = [{ metric = ["{p}op", "{p}op_ms"], scales = { "{p}op_ms" = 0.001 } }]
tokens = [{ metric = "{p}usage", type = "histogram" }]
"""
TABLE = """
schema = 1
name = "table"
title = "Table"
layer = "gateway"
prefix = "PREFIX_"
detect = ["{p}info_runs"]
[labels]
workflow = ["flow_name", "flow_id"]
status = ["state"]
mount = ["mountpoint"]
[names.workflow]
metric = "{p}flow_info"
key = "flow_id"
label = "flow_name"
[signals]
runs = [{ metric = "{p}info_runs", type = "gauge", window = 300 }]
active = [{ metric = "{p}ongoing", match = 'state="Running"', agg = "count" }]
queue = [{ metric = "{p}depth_total", by = [] }]
duration = [{ metric = "{p}runtime_seconds", type = "timer" }]
calls = [{ metric = "{p}done", type = "counter", match = 'mode!="test"' }]
storage = [
  { metric = "{p}disk_size", set = { kind = "size" }, by = ["mount"], agg = "max" },
  { metric = "{p}disk_free", set = { kind = "free" }, by = ["mount"], agg = "min" },
]
"""


def some(label: str, *values: str, **more: str) -> tuple[dict[str, str], ...]:
    return tuple({label: value, **more} for value in values)


RUNS = tuple(
    {"workflow": workflow, "status": status}
    for workflow, status in (("a", "success"), ("a", "boom"), ("b", "completed"), ("None", "failed"))
)
FLOWS = (*some("state", "Completed", "Failed", flow_id="7"), *some("state", "Running", flow_id="8"))
ONGOING = (*some("state", "Running", flow_id="7"), *some("state", "Late", flow_id="8"))
TOKENS = some("type", "input", "output", "cached", workflow="a", model="m")
OPS = ({"agent": "x"}, {"error_type": "Boom"})
# The declared types are partly wrong, as in the wild; a gauge is called _total, a counter is not.
METRICS = (
    Metric("runs_total", "counter", RUNS, "counter"),
    Metric("active", "gauge", some("workflow", "a", "b"), "gauge"),
    Metric("waiting", "gauge", (*some("workflow", "a"), *some("flow", "a")), "untyped"),
    Metric("seconds", "histogram", some("workflow", "a", "b"), "histogram"),
    Metric("wait_seconds", "summary", some("workflow", "a", "b"), "summary"),
    Metric("attempts_total", "counter", some("workflow", "a", "b"), "counter"),
    Metric("finals_total", "counter", some("workflow", "a"), "counter"),
    Metric("timeouts", "counter", some("workflow", "a"), "gauge"),
    Metric("calls_total", "counter", some("status", "200", "429", provider="p"), "counter"),
    Metric("tokens_total", "counter", TOKENS, "counter"),
    Metric("usd_total", "counter", some("model", "m", "unpriced", workflow="a"), "counter", scale=0.013),
    Metric("budget_usd", "gauge", some("workflow", "a"), "gauge"),
    Metric("rss_bytes", "gauge", some("workflow", "a", "b"), "gauge"),
    Metric("op", "histogram", OPS, "histogram", targets=(0,), steady=True),
    Metric("op_ms", "histogram", ({"agent": "x"}, {"agent": "y"}), "histogram", scale=0.001),
    Metric("usage", "histogram", some("token_type", "input", "output"), "histogram"),
    Metric("info_runs", "gauge", FLOWS, "counter"),
    Metric("ongoing", "gauge", ONGOING, "gauge"),
    Metric("depth_total", "gauge", ({"pool": "1"}, {"pool": "2"}), "counter"),
    Metric("runtime_seconds", "timer", some("flow_id", "7", "8"), "summary"),
    Metric("done", "counter", some("mode", "live", "test", flow_id="7"), "gauge"),
    Metric("disk_size", "gauge", some("mountpoint", "/", "/data"), "gauge"),
    Metric("disk_free", "gauge", some("mountpoint", "/"), "gauge"),
)  # fmt: skip
# Which figures of which profile come from the counters of a metric.
FED = {
    "runs_total": [("engine", "runs")],
    "seconds": [("engine", "durations")],
    "wait_seconds": [("engine", "wait")],
    "attempts_total": [("engine", "retries")],
    "finals_total": [("engine", "retries")],
    "timeouts": [("engine", "timeouts")],
    "calls_total": [("engine", "calls")],
    "tokens_total": [("engine", "tokens")],
    "usd_total": [("engine", "cost")],
    "op": [("agent", "runs"), ("agent", "durations")],
    "op_ms": [("agent", "runs"), ("agent", "durations")],
    "usage": [("agent", "tokens")],
    "runtime_seconds": [("table", "durations")],
    "done": [("table", "calls")],
}
_numbers = itertools.count()


@dataclass
class Judged:
    """How many figures were compared, exactly and within bounds; it would be no test if none were exact."""

    exact: Counter[str] = field(default_factory=Counter)
    bounded: Counter[str] = field(default_factory=Counter)


class StillApi(PrometheusApi):
    """Asks for what was known at ``at``, whatever the server's clock says."""

    at = 0.0

    def clock(self) -> float:
        return self.at

    def instant(self, query: str, at: float | None = None) -> list[Row]:
        return super().instant(query, self.at if at is None else at)


class Told:
    """In the place of a connection: what one target says in the look of now."""

    def __init__(self, history: History, target: int) -> None:
        self._history, self._target = history, target
        self.look = 0

    def get(self, url: str, *, accept: str) -> Answer:
        body = self._history.exposition(self._target, self.look)
        if body is None:
            raise SourceError(Failure.REFUSED, "away")
        return Answer(200, "text/plain", body)

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def judged() -> Judged:
    """What all tests compared; of the module, so that they run in one worker."""
    return Judged()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_prometheus(tmp_path_factory.mktemp("agree"), options=[OPTION]) as running:
        yield running


@pytest.fixture(scope="module")
def end(server: Server) -> float:
    """When all histories end."""
    return math.floor(time.time()) - 1.0


def profiles_of(prefix: str) -> tuple[Profile, ...]:
    texts = (text.replace("PREFIX", prefix) for text in (ENGINE, AGENT, TABLE))
    return tuple(parse_profile(text.encode(), "inline") for text in texts)


def with_prefix(history: History, prefix: str) -> History:
    """Names of its own, so that one server holds many; and what is the same in every look."""

    def full(series: Series) -> Series:
        return f"{prefix}_{series[0]}", series[1]

    looks: list[tuple[Look, ...]] = []
    for number, target in enumerate(history.looks):
        fixed: dict[Series, float] = {
            (f"{prefix}_flow_info", (("flow_id", "7"), ("flow_name", "nightly"))): 1.0,
            ("target_info", (("service_name", f"service-{number}"), ("version", "1"))): 1.0,
        }
        named = (None if look is None else {full(s): v for s, v in look.items()} for look in target)
        looks.append(tuple(None if look is None else {**look, **fixed} for look in named))
    types = ({f"{prefix}_{name}": kind for name, kind in told.items()} for told in history.types)
    return History(tuple(looks), tuple(types))


def scraped(history: History, profiles: tuple[Profile, ...], end: float) -> dict[str, MetricsSample]:
    count = len(history.looks)
    urls = [f"http://127.0.0.1:9/{number}" for number in range(count)]
    source = ScrapeSource("direct", urls, windows=WINDOWS, profiles=profiles, interval=STEP)
    connections = [Told(history, number) for number in range(count)]
    for target, told in zip(source._targets, connections, strict=True):
        target.http = told  # type: ignore[assignment]
    found: dict[str, MetricsSample] = {}
    for look in range(LOOKS):
        for told in connections:
            told.look = look
        try:
            reading = source.poll(end - (LOOKS - 1 - look) * STEP)
        except SourceError:
            continue
        found = {sample.profile: sample for sample in reading.samples}
    return found


def asked(
    server: Server, history: History, profiles: tuple[Profile, ...], job: str, end: float
) -> dict[str, MetricsSample]:
    begin = end - (LOOKS - 1) * STEP
    remote_write(
        server.url,
        [
            ({"__name__": name, "job": job, "instance": f"t{number}:1", **dict(labels)}, samples)
            for number in range(len(history.looks))
            for (name, labels), samples in history.samples(number, begin).items()
        ],
    )
    source = PrometheusSource("asked", server.url, windows=WINDOWS, profiles=profiles, timeout=60.0)
    api = StillApi(server.url, max_bytes=10_000_000)
    api.at = end
    source._api = api
    try:
        for _ in range(3):  # what the first polls leave to the next
            reading = source.poll(end)
    finally:
        source.close()
    return {sample.profile: sample for sample in reading.samples}


Figures = dict[tuple[object, ...], float]


def growths(sample: MetricsSample | None) -> dict[str, dict[float, Figures]]:
    """Concept -> window -> figures that come from growth; what did not grow is left out."""
    if sample is None:
        return {}
    found: dict[str, dict[float, Figures]] = {}
    if len(sample.runs) > 1:
        found["runs"] = {
            each.seconds: {(key,): count for key, count in each.counts.items() if count}
            for each in sample.runs
        }
    for concept in ("retries", "timeouts", "calls", "tokens", "cost"):
        amounts: Mapping[object, Amount] = getattr(sample, concept)
        found[concept] = {300.0: {(key,): amount.delta for key, amount in amounts.items() if amount.delta}}
    for concept in ("durations", "wait"):
        found[concept] = {300.0: {(key,): each.n for key, each in getattr(sample, concept).items() if each.n}}
    return found


def presents(sample: MetricsSample | None) -> dict[str, Figures]:
    """Concept -> figures that are as they are now."""
    if sample is None:
        return {}
    found: dict[str, Figures] = {}
    for concept in ("active", "queue", "memory", "budget"):
        found[concept] = {(key,): value for key, value in getattr(sample, concept).items()}
    for concept in ("retries", "timeouts", "calls", "tokens", "cost"):
        amounts: Mapping[object, Amount] = getattr(sample, concept)
        found[f"{concept} in all"] = {
            (key,): amount.total for key, amount in amounts.items() if amount.total is not None
        }
    found["storage"] = {
        (mount, side): value
        for mount, space in sample.storage.items()
        for side, value in (("size", space.size), ("free", space.free))
        if value is not None
    }
    if len(sample.runs) == 1:
        found["runs over their own window"] = {(key,): n for key, n in sample.runs[0].counts.items() if n}
    return found


def quantiles(sample: MetricsSample | None, concept: str) -> Figures:
    if sample is None:
        return {}
    return {
        (key, name): value
        for key, each in getattr(sample, concept).items()
        for name, value in (("p50", each.p50), ("p95", each.p95))
        if value is not None
    }


def slacks(history: History, end: float, window: float) -> Counter[tuple[str, str]]:
    """Profile and concept -> by how much its figures may differ."""
    begin = end - (LOOKS - 1) * STEP
    found: Counter[tuple[str, str]] = Counter()
    for target, looks in enumerate(history.looks):
        good = [begin + number * STEP for number, look in enumerate(looks) if look is not None]
        for (name, labels), samples in history.samples(target, begin).items():
            metric = name.partition("_")[2]
            base = next((m for m in FED if metric in (m, f"{m}_bucket", f"{m}_count", f"{m}_sum")), None)
            if base is None or "quantile" in dict(labels):
                continue
            seen = [(at, value) for at, value in samples if value is not STALE]
            for place in FED[base]:
                found[place] += slack(seen, good, window, end, always=base == "timeouts")
    return found


WIDEST = 5.0  # seconds, the largest bound of any bucket


def with_other_buckets(history: History, end: float) -> set[tuple[str, str]]:
    """Profile and concept of histograms that had other buckets before the window: of those the scraper
    still knows, until it forgets them, that nothing more fell into them."""
    begin = end - (LOOKS - 1) * STEP
    found: set[tuple[str, str]] = set()
    for target in range(len(history.looks)):
        for (name, _), samples in history.samples(target, begin).items():
            base = name.partition("_")[2].removesuffix("_bucket")
            last = max(at for at, value in samples if value is not STALE)
            if name.endswith("_bucket") and last < end - 300.0:
                found.update(FED[base])
    return found


def same(left: Figures, right: Figures, what: str) -> None:
    assert left.keys() == right.keys(), f"{what}: {left} and {right}"
    for key, value in left.items():
        assert value == pytest.approx(right[key], rel=1e-9, abs=1e-9), f"{what}: {left} and {right}"


def near(left: Figures, right: Figures, most: float, what: str) -> None:
    for key in left.keys() | right.keys():
        assert abs(left.get(key, 0.0) - right.get(key, 0.0)) <= most, f"{what}: {left} and {right}"


@given(history=histories(METRICS))
@settings(
    max_examples=MORE or EXAMPLES,
    derandomize=not MORE,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # to shrink a history of a thousand numbers takes minutes
    suppress_health_check=list(HealthCheck),
)
def test_both_readers_tell_the_same(server: Server, judged: Judged, end: float, history: History) -> None:
    prefix = f"k{next(_numbers)}"
    profiles, named = profiles_of(prefix), with_prefix(history, prefix)
    direct, indirect = scraped(named, profiles, end), asked(server, named, profiles, prefix, end)
    loose = {window: slacks(named, end, window) for window in (300.0, 600.0)}
    recut = with_other_buckets(named, end)
    for profile in ("engine", "agent", "table"):
        mine, theirs = direct.get(profile), indirect.get(profile)
        here, there = growths(mine), growths(theirs)
        for concept in here.keys() | there.keys():
            for window in (300.0, 600.0):
                left, right = here.get(concept, {}).get(window, {}), there.get(concept, {}).get(window, {})
                most, what = loose[window][profile, concept], f"{profile}: {concept} in {window:g} s"
                if most:
                    near(left, right, most + 1e-6, what)
                    judged.bounded[concept] += len(left)
                else:
                    same(left, right, what)
                    judged.exact[concept] += len(left)
        present, asked_for = presents(mine), presents(theirs)
        for concept in present.keys() | asked_for.keys():
            same(present.get(concept, {}), asked_for.get(concept, {}), f"{profile}: {concept}")
            judged.exact[concept] += len(present.get(concept, {}))
        for concept in ("durations", "wait"):
            left, right = quantiles(mine, concept), quantiles(theirs, concept)
            what = f"{profile}: quantiles of {concept}"
            if (profile, concept) in recut:
                near(left, right, WIDEST, what)
            elif not loose[300.0][profile, concept]:
                same(left, right, what)
                judged.exact[f"{concept} quantiles"] += len(left)


def test_most_of_it_was_compared_to_the_last_digit(judged: Judged) -> None:
    """Last in the file."""
    assert not {concept for concept, count in judged.exact.items() if not count}, judged
    assert len(judged.exact) >= 20, judged
    assert sum(judged.exact.values()) > sum(judged.bounded.values()), judged
