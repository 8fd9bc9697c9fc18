"""A Prometheus that several profiles fit: what is asked of it, and what each of them answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sources.test_prometheus_beside import FakeApi
from sources.test_prometheus_hostile import CLOCK, FakePrometheus, _success
from support.hostile_http import Hostile, serving
from support.remotewrite import OPTION, remote_write
from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.config.schema import Duration, Windows
from wfmon.model.history import HourSum, Kind
from wfmon.model.metrics import (
    Concept,
    CostKey,
    MetricsSample,
    Quantiles,
    RunKey,
    RunWindow,
    Space,
    TokenKey,
    TokenKind,
)
from wfmon.model.run import RunStatus
from wfmon.sources.base import Reading
from wfmon.sources.growth import Sums
from wfmon.sources.profile import Profile, load_profiles, parse_profile
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.prometheus_api import Row
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_growth import Told
from wfmon.sources.prometheus_hoursums import hour_sums
from wfmon.sources.prometheus_plan import FIRST_QUERIES, MAX_QUERIES, Plan
from wfmon.sources.prometheus_scope import MAX_URL, find_scope

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(1800), rate=Duration(300))


def profile(name: str, layer: str, text: str) -> Profile:
    head = f'schema = 1\nname = "{name}"\ntitle = "The {name}"\nlayer = "{layer}"\n'
    return parse_profile((head + text).encode(), name)


ENGINE = profile(
    "engine",
    "engine",
    """
detect = ["flow_runs_total"]
[labels]
workflow = ["flow"]
status = ["state"]
[signals]
runs = [{ metric = "flow_runs_total", lazy = true }]
active = [{ metric = "flow_running" }]
tokens = [{ metric = "flow_tokens_total" }]
wait = [{ metric = "flow_wait_seconds", type = "summary" }]
duration = [{ metric = "flow_seconds", type = "timer" }]
[not_exposed]
cost = "it knows no prices"
[settings]
queue = "FLOW_QUEUE=1"
""",
)
GATEWAY = profile(
    "gateway",
    "gateway",
    """
detect = ["proxy_requests_total"]
empty = ["None"]
zero_cost_is_unpriced = true
target_labels = ["service_name"]
[labels]
workflow = ["key", "service_name"]
status = ["code"]
model = ["model"]
provider = ["provider"]
mount = ["disk"]
[signals]
runs = [{ metric = "proxy_requests_total", match = 'key!="health"', lazy = true }]
active = [{ metric = "proxy_open", agg = "count" }]
tokens = [
  { metric = "proxy_in_total", set = { kind = "input" }, match = 'key!="health"' },
  { metric = "proxy_in_total", set = { kind = "input", workflow = "health checks" }, match = 'key="health"' },
]
retries = [{ metric = "proxy_tries_total" }, { metric = "proxy_done_total", scale = -1 }]
timeouts = [{ metric = "proxy_timeouts_total" }]
cost = [{ metric = "proxy_usd_total" }]
budget = [{ metric = "proxy_budget", agg = "min" }]
memory = [{ metric = "process_resident_memory_bytes", by = ["workflow"] }]
storage = [
  { metric = "proxy_disk_bytes", set = { kind = "size" }, by = ["mount"] },
  { metric = "proxy_disk_free_bytes", set = { kind = "free" }, by = ["mount"] },
]
calls = [{ metric = "proxy_in_total", expr = "sum by (provider) (increase(proxy_in_total[$window]))" }]
""",
)
PREFECT = profile(
    "table",
    "engine",
    """
detect = ["table_runs"]
[labels]
workflow = ["name"]
status = ["state"]
[signals]
runs = [{ metric = "table_runs", type = "gauge", window = 300 }]
""",
)
PROFILES = (GATEWAY, ENGINE, PREFECT)


# --- how it is found what exists


class Catalogue(FakePrometheus):
    """A server with names; ``asked`` are the matchers of the questions for them."""

    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self.names = names
        self.asked: list[str] = []
        self.lines: list[int] = []

    def __call__(self, connection: object, head: bytes, server: Hostile) -> None:
        self.lines.append(len(head.split(b"\r\n", 1)[0]))
        super().__call__(connection, head, server)  # type: ignore[arg-type]

    def reply(self, path: str, params: dict[str, list[str]]) -> bytes:
        if not path.endswith("/label/__name__/values"):
            return super().reply(path, params)
        (match,) = params["match[]"]
        self.asked.append(match)
        wanted = match.removeprefix('{__name__=~"').removesuffix('"}').replace("\\\\", "").split("|")
        return _success(sorted(self.names.intersection(wanted)))


def polled(names: set[str], profiles: tuple[Profile, ...], times: int = 1) -> tuple[Catalogue, Reading]:
    server = Catalogue(names)
    with serving(server) as running:
        source = PrometheusSource("prom", running.url, windows=WINDOWS, profiles=profiles, timeout=20.0)
        for _ in range(times):
            reading = source.poll(1000.0)
        source.close()
    return server, reading


def test_names_of_profiles_that_do_not_fit_are_never_asked_for() -> None:
    server, reading = polled({"workflow_executions_total", "cost_usd_total"}, load_profiles())
    assert reading.profile == "seed"
    *detection, found = server.asked
    assert 1 <= len(detection) <= 3
    assert "token_usage_total" in found
    assert "litellm" not in found
    assert "litellm_proxy_total_requests_metric_total" in "".join(detection)
    assert "litellm_remaining_team_budget_metric" not in "".join(detection)
    assert max(server.lines) < 8000


def test_few_names_are_asked_for_at_once() -> None:
    seed = tuple(profile for profile in load_profiles() if profile.name == "seed")
    server, _ = polled({"workflow_executions_total"}, seed)
    assert len(server.asked) == 1


def test_with_all_profiles_a_first_answer_asks_little_more_than_with_one() -> None:
    names = {"workflow_executions_total", "active_workflows", "cost_usd_total"}
    seed = tuple(profile for profile in load_profiles() if profile.name == "seed")
    alone, _ = polled(names, seed)
    every, _ = polled(names, load_profiles())
    assert len(every.lines) <= len(alone.lines) + 3


def test_of_profiles_that_read_the_same_series_only_one_is_used() -> None:
    double = profile("double", "engine", 'detect = ["flow_runs_total"]\nreplaces = ["engine"]')
    _, reading = polled({"flow_runs_total", "proxy_requests_total"}, (ENGINE, double, GATEWAY))
    assert "engine" not in [sample.profile for sample in reading.samples]


def test_a_hundred_profiles_are_found_in_short_questions() -> None:
    many = tuple(
        profile(f"p{number}", "engine", f'detect = ["{"x" * 60}_{number}_total"]') for number in range(200)
    )
    api = FakeApi(vector=lambda query: [Row({}, CLOCK, CLOCK)])
    asked: list[str] = []

    def label_values(label: str, matching: str, since: float) -> list[str]:
        asked.append(matching)
        return []

    api.label_values = label_values  # type: ignore[method-assign]
    assert find_scope(api, many, (300.0,), Scope()) == Scope()
    assert all(len(each) < MAX_URL + 100 for each in asked)
    assert len(asked) < 6


# --- turns


def plan_of(profiles: int) -> Plan:
    names = frozenset(signal.metrics[0] for signals in GATEWAY.signals.values() for signal in signals)
    fitting = [
        Fitting(parse_as(GATEWAY, f"gateway-{number}"), names, frozenset({"w"})) for number in range(profiles)
    ]
    plan = Plan((300.0, 600.0, 1800.0), 300.0)
    plan.renew(Scope(tuple(fitting), frozenset({"w"})))
    return plan


def parse_as(known: Profile, name: str) -> Profile:
    import msgspec

    return msgspec.structs.replace(known, name=name)


@pytest.mark.parametrize("profiles", [1, 3, 8])
def test_every_query_has_its_turn_and_no_poll_asks_too_many(profiles: int) -> None:
    plan = plan_of(profiles)
    polls = 40
    asked = {id(each): 0 for each in plan.standing}
    for poll in range(1, polls + 1):
        due = plan.due(poll, 10.0 * poll)
        assert len(due) <= (FIRST_QUERIES if poll == 1 else MAX_QUERIES)
        for each in due:
            each.settle(poll, 10.0 * poll, 10.0 * poll, None)
            asked[id(each)] += 1
        musts = [each for each in plan.standing if each.must]
        assert all(each.asked == poll for each in musts) or (poll == 1 and len(musts) > FIRST_QUERIES)
    assert min(asked.values()) >= 3, "the one that is asked least"
    assert plan.complete


def test_what_can_wait_is_not_asked_while_the_server_is_slow() -> None:
    plan = plan_of(2)
    first = plan.due(1, 0.0)
    for each in first:
        each.settle(1, 0.0, 0.0, None)
    plan.rest(5.0, 100.0)
    soon = plan.due(2, 101.0)
    assert [each for each in soon if each.must]
    assert all(each.must or each.asked is None for each in soon), "and what was never asked"
    for each in soon:
        each.settle(2, 101.0, 101.0, None)
    for each in plan.due(3, 102.0):
        each.settle(3, 102.0, 102.0, None)
    plan.rest(0.1, 103.0)
    assert all(each.must for each in plan.due(4, 140.0)), "a quick poll does not end the rest"
    assert not all(each.must for each in plan.due(5, 146.0))


def test_queries_that_stay_the_same_keep_their_answers() -> None:
    plan = plan_of(1)
    for each in plan.standing:
        each.settle(1, 0.0, 0.0, None)
    (known,) = {each.query.profile.name for each in plan.standing}
    names = frozenset(signal.metrics[0] for signals in GATEWAY.signals.values() for signal in signals)
    gateway = Fitting(parse_as(GATEWAY, known), names, frozenset({"w"}))
    plan.renew(Scope((Fitting(ENGINE, frozenset({"flow_runs_total"})), gateway), frozenset({"w"})))
    assert {each.asked for each in plan.of(known)} == {1}
    assert {each.asked for each in plan.of("engine")} == {None}


# --- the hours of several


def fitting(*profiles: Profile) -> Scope:
    names = frozenset(
        m for p in profiles for several in p.signals.values() for s in several for m in s.metrics
    )
    jobs = frozenset({"w"})
    return Scope(tuple(Fitting(each, names, jobs, known_since=1.0) for each in profiles), jobs)


def stored(
    rows: tuple[HourSum, ...], kind: Kind
) -> dict[str, tuple[float | None, float | None, float | None]]:
    return {row.subject: (row.runs, row.tokens, row.cost_usd) for row in rows if row.kind is kind}


def told(sums: dict[str, Sums]) -> Told:
    known = Told()
    for name, each in sums.items():
        known.see(name, *each.runs, *each.tokens, *each.cost)
    return known


def sums_of(runs: dict[str, float], tokens: dict[str, float], cost: dict[str, float], model: str) -> Sums:
    return Sums(
        runs={RunKey(name, RunStatus.SUCCESS): n for name, n in runs.items()},
        tokens={TokenKey(name, "p", model, TokenKind.INPUT): n for name, n in tokens.items()},
        cost={CostKey(name, "p", model): usd for name, usd in cost.items()},
    )


def test_a_workflow_of_two_profiles_is_told_by_the_first_and_models_by_each() -> None:
    scope = fitting(ENGINE, GATEWAY)
    sums = {
        "engine": sums_of({"both": 5, "mine": 1}, {"both": 70, "mine": 7}, {}, "m1"),
        "gateway": sums_of({"both": 9, "yours": 2}, {"both": 90, "yours": 9}, {"both": 0.5}, "m2"),
    }
    rows = hour_sums("prom", {0.0: sums}, scope, told(sums))
    assert stored(rows, Kind.WORKFLOW) == {
        "both": (5.0, 90.0, 0.5),  # runs by the engine, what was used by the gateway that sees most
        "mine": (1.0, 7.0, None),
        "yours": (2.0, 9.0, None),
    }
    assert stored(rows, Kind.MODEL) == {"p/m1": (None, 77.0, None), "p/m2": (None, 99.0, 0.5)}
    profiles = {row.subject: row.profile for row in rows if row.kind is Kind.MODEL}
    assert profiles == {"p/m1": "engine", "p/m2": "gateway"}


# --- a real server


@dataclass
class Lab:
    server: Server
    end: float

    def source(self) -> PrometheusSource:
        return PrometheusSource("prom", self.server.url, windows=WINDOWS, profiles=PROFILES, timeout=20.0)


def series() -> Iterator[tuple[dict[str, str], float, float]]:
    """Labels, first value, growth in each look."""
    engine = {"job": "flows", "instance": "f:1"}
    yield {"__name__": "up", **engine}, 1, 0
    for state in ("success", "failed"):
        yield {"__name__": "flow_runs_total", "flow": "nightly", "state": state, **engine}, 7, 1
    yield {"__name__": "flow_running", "flow": "nightly", **engine}, 2, 0
    yield {"__name__": "flow_tokens_total", "flow": "nightly", **engine}, 5, 100
    for quantile in ("0.5", "0.9"):
        yield {"__name__": "flow_wait_seconds", "quantile": quantile, "flow": "nightly", **engine}, 3, 0
    yield {"__name__": "flow_wait_seconds_count", "flow": "nightly", **engine}, 1, 2
    yield {"__name__": "flow_seconds_count", "flow": "nightly", **engine}, 1, 4
    yield {"__name__": "flow_seconds_sum", "flow": "nightly", **engine}, 1, 9
    yield {"__name__": "process_resident_memory_bytes", **engine}, 1000, 0

    # Pushed: there is no up, but a target_info.
    proxy = {"job": "proxy", "instance": "p:1"}
    yield {"__name__": "target_info", "service_name": "web shop", **proxy}, 1, 0
    yield {"__name__": "proxy_requests_total", "key": "None", "code": "200", **proxy}, 3, 2
    yield {"__name__": "proxy_requests_total", "key": "health", "code": "200", **proxy}, 3, 1
    yield {"__name__": "proxy_in_total", "key": "team", "model": "m", "provider": "p", **proxy}, 3, 10
    yield {"__name__": "proxy_in_total", "key": "team", "model": "new", "provider": "p", **proxy}, 3, 1
    yield {"__name__": "proxy_in_total", "key": "health", "model": "m", "provider": "p", **proxy}, 3, 1
    yield {"__name__": "proxy_usd_total", "key": "team", "model": "m", "provider": "p", **proxy}, 0, 0.25
    yield {"__name__": "proxy_usd_total", "key": "team", "model": "new", "provider": "p", **proxy}, 0, 0
    for number in range(3):
        yield {"__name__": "proxy_open", "key": "team", "connection": str(number), **proxy}, 0, 0
    yield {"__name__": "proxy_tries_total", "key": "team", **proxy}, 0, 5
    yield {"__name__": "proxy_done_total", "key": "team", **proxy}, 0, 3
    yield {"__name__": "proxy_timeouts_total", "key": "team", **proxy}, 0, 1
    yield {"__name__": "proxy_budget", "key": "team", "of": "key", **proxy}, 12.5, 0
    yield {"__name__": "proxy_budget", "key": "team", "of": "user", **proxy}, float("inf"), 0
    yield {"__name__": "process_resident_memory_bytes", **proxy}, 2000, 0
    yield {"__name__": "proxy_disk_bytes", "disk": "/data", **proxy}, 100, 0
    yield {"__name__": "proxy_disk_free_bytes", "disk": "/data", **proxy}, 40, 0

    yield {"__name__": "table_runs", "name": "etl", "state": "Completed", "job": "t", "instance": "t"}, 4, 0
    yield {"__name__": "table_runs", "name": "etl", "state": "Running", "job": "t", "instance": "t"}, 1, 0
    yield {"__name__": "up", "job": "t", "instance": "t"}, 1, 0


LOOKS, STEP = 41, 15.0
BORN = 30  # the look in which a series of the pushed job comes


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_prometheus(tmp_path_factory.mktemp("many"), options=[OPTION]) as server:
        end = time.time() - 1.0
        times = [end - (LOOKS - 1 - look) * STEP for look in range(LOOKS)]
        born = {"__name__": "proxy_requests_total", "key": "late", "code": "500"}
        born |= {"job": "proxy", "instance": "p:1"}
        told = [
            (labels, [(at, first + grows * number) for number, at in enumerate(times)])
            for labels, first, grows in series()
        ]
        remote_write(server.url, [*told, (born, [(at, 1.0) for at in times[BORN:]])])
        yield Lab(server, end)


@pytest.fixture(scope="module")
def reading(lab: Lab) -> Reading:
    source = lab.source()

    found = wait_until(lambda: reading if (reading := source.poll(time.time())).settled else None)
    source.close()
    assert found is not None
    return found


def sample_of(reading: Reading, name: str) -> MetricsSample:
    return next(sample for sample in reading.samples if sample.profile == name)


@pytest.mark.server
def test_each_profile_that_fits_answers_with_a_sample_of_its_own(reading: Reading) -> None:
    told = [(sample.profile, sample.title, sample.layer) for sample in reading.samples]
    assert told == [
        ("engine", "The engine", "engine"),
        ("table", "The table", "engine"),
        ("gateway", "The gateway", "gateway"),
    ]
    assert reading.metrics is reading.samples[0]
    assert reading.profile == "engine, table, gateway"
    assert "budget" in reading.sees
    assert len({sample.at for sample in reading.samples}) == 1


@pytest.mark.server
def test_figures_of_two_profiles_are_never_added_up(reading: Reading) -> None:
    engine, gateway = sample_of(reading, "engine"), sample_of(reading, "gateway")
    assert {key.workflow for key in engine.runs[0].counts} == {"nightly"}
    assert sum(amount.delta or 0 for amount in engine.tokens.values()) == pytest.approx(2000, abs=100)
    assert set(gateway.tokens) == {
        TokenKey("team", "p", "m", TokenKind.INPUT),
        TokenKey("team", "p", "new", TokenKind.INPUT),
        TokenKey("health checks", "p", "m", TokenKind.INPUT),
    }


@pytest.mark.server
def test_pushed_series_are_read_with_the_labels_of_their_target(reading: Reading) -> None:
    """``None`` is no key, so the row is the service; the first failure counts, without an ``up``."""
    counts = sample_of(reading, "gateway").runs[0].counts
    assert counts[RunKey("web shop", RunStatus.SUCCESS)] == pytest.approx(40, abs=2)
    assert counts[RunKey("late", RunStatus.ERROR)] == 1
    assert not any(key.workflow == "health" for key in counts)


@pytest.mark.server
def test_levels_unions_and_spaces(reading: Reading) -> None:
    gateway = sample_of(reading, "gateway")
    assert gateway.active == {"team": 3.0}
    assert gateway.retries["team"].delta == pytest.approx(40, abs=4)
    assert gateway.retries["team"].total == 2 * (LOOKS - 1)
    assert gateway.timeouts["team"].total == LOOKS - 1
    assert gateway.budget == {"team": 12.5}, "without a bound there is no number"
    assert gateway.memory == {"web shop": 2000.0}, "of its own job"
    assert gateway.storage == {"/data": Space(100.0, 40.0)}
    assert set(gateway.cost) == {CostKey("team", "p", "m")}, "a model without a price did not cost nothing"
    assert Concept.CALLS in gateway.exposed


@pytest.mark.server
def test_a_gauge_of_finished_runs_is_one_window(reading: Reading) -> None:
    (window,) = sample_of(reading, "table").runs
    assert window == RunWindow(
        300, 300, {RunKey("etl", RunStatus.SUCCESS): 4.0, RunKey("etl", RunStatus.ERROR): 0.0}
    )


@pytest.mark.server
def test_a_quantile_that_is_not_there_is_not_shown_as_another(reading: Reading) -> None:
    engine = sample_of(reading, "engine")
    assert engine.wait["nightly"] == Quantiles(3.0, None, pytest.approx(40, abs=2))
    assert engine.durations["nightly"] == Quantiles(None, None, pytest.approx(80, abs=4))


@pytest.mark.server
def test_what_is_missing_is_said_of_each(reading: Reading) -> None:
    words = set(reading.missing)
    assert "The engine: cost: it knows no prices" in words
    assert "The engine: wait p95: not exposed, its quantiles are 0.5 0.9" in words
    assert "The engine: duration quantiles: no buckets exposed" in words
    assert "The gateway: cost: no price of new" in words
    assert any(word.startswith("The engine: tokens by model") for word in words)


@pytest.mark.server
def test_the_past_of_a_workflow_is_told_by_its_own_profile(lab: Lab) -> None:
    source = lab.source()
    source.poll(time.time())
    now = time.time()
    past = source.past_runs({"nightly", "late", "web shop", "etl"}, now - 600, now, 20.0)
    source.close()
    by_workflow = {key.workflow: sum(counts) for key, counts in past.counts.items()}
    assert by_workflow.keys() == {"nightly", "late", "web shop"}, "a gauge has no past that could be counted"
    assert by_workflow["late"] == 1
    assert by_workflow["web shop"] == pytest.approx(80, abs=10)
