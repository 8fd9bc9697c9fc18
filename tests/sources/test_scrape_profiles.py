"""What a profile may say, as the scraper understands it: each meaning by itself."""

from __future__ import annotations

import math
import random

import pytest

from support.expositions import FIRST_LOOK, WINDOWS, Replay, missing_words, readings, scraped
from wfmon.model.metrics import (
    Amount,
    CallKey,
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
from wfmon.model.source import Failure
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.exposition import ExpositionReader
from wfmon.sources.http import Answer
from wfmon.sources.profile import Profile, load_profiles, parse_profile
from wfmon.sources.vocabulary import Vocabulary

SUCCESS, ERROR = RunStatus.SUCCESS, RunStatus.ERROR


def profile(text: str, name: str = "mine", detect: str = '["up_total"]') -> Profile:
    head = f'schema = 1\nname = "{name}"\ntitle = "{name.title()}"\ndetect = {detect}\n'
    return parse_profile((head + text).encode(), f"{name}.toml")


def one(text: str, first: str, second: str, *, seconds: float = 60.0) -> MetricsSample:
    (sample,) = scraped(profile(text), "up_total 1\n" + first, "up_total 1\n" + second, seconds=seconds)
    return sample


def words(text: str, first: str) -> tuple[str, ...]:
    return missing_words(profile(text), "up_total 1\n" + first)


def runs_of(sample: MetricsSample) -> dict[RunKey, float]:
    return {key: count for key, count in sample.runs[0].counts.items() if count}


def test_each_profile_has_a_sample_and_growth_of_its_own() -> None:
    engine = profile('[labels]\nworkflow = ["w"]\n[signals]\nruns = [{ metric = "done_total" }]', "engine")
    gateway = profile(
        'layer = "gateway"\n[labels]\nworkflow = ["w"]\nmodel = ["m"]\n[signals]\n'
        'tokens = [{ metric = "tok_total" }]\n'
        'runs = [{ metric = "done_total", set = { status = "success" } }]',
        "gateway",
        '["tok_total"]',
    )
    text = 'up_total 1\ndone_total{{w="a"}} {0}\ntok_total{{w="a",m="x"}} {0}\n'
    one, two = readings([gateway, engine], text.format(1), text.format(5))
    first, second = two.samples
    assert (two.profile, first.profile, second.profile) == ("engine, gateway", "engine", "gateway")
    assert (second.title, second.layer) == ("Gateway", "gateway")
    assert runs_of(first) == {RunKey("a", RunStatus.OTHER): 4.0}
    assert runs_of(second) == {RunKey("a", SUCCESS): 4.0}
    assert first.tokens == {}
    assert first.growth is not None
    assert second.growth is not None
    assert (first.growth.runs, first.growth.tokens) == ({RunKey("a", RunStatus.OTHER): 4.0}, {})
    assert second.growth.runs == {RunKey("a", SUCCESS): 4.0}
    assert second.growth.tokens == {TokenKey("a", None, "x", TokenKind.TOTAL): 4.0}
    assert first.growth.reaches == second.growth.reaches
    assert list(first.growth.reaches.values()) == [FIRST_LOOK + 60.0]
    assert one.samples[0].growth is not None
    assert one.samples[0].growth.runs == {}


def test_a_profile_that_another_replaces_is_not_used() -> None:
    old = profile('[signals]\ncalls = [{ metric = "calls_total", by = [] }]', "old")
    new = profile(
        'replaces = ["old"]\n[signals]\ncalls = [{ metric = "calls_total", by = [] }]', "new", '["new_total"]'
    )
    text = "up_total 1\ncalls_total 1\n"
    assert [s.profile for s in scraped([old, new], text, text)] == ["old"]
    assert [s.profile for s in scraped([old, new], text, text + "new_total 1\n")] == ["new"]


def test_targets_are_read_with_the_profiles_that_fit_themselves() -> None:
    """Memory of one system's process is not another's, though both are targets of one source."""
    one = profile('[signals]\nmemory = [{ metric = "process_resident_memory_bytes" }]', "one")
    two = profile("[signals]\nactive = [{ metric = 'busy' }]", "two", '["two_total"]')
    source = Replay(
        "both", ["http://h:1/m", "http://h:2/m", "http://h:3/m"], windows=WINDOWS, profiles=[one, two]
    )
    source.texts = [
        "up_total 1\nprocess_resident_memory_bytes 5\n",
        "two_total 1\nbusy 2\nprocess_resident_memory_bytes 7\n",
        "busy 1\nprocess_resident_memory_bytes 11\n",  # nothing fits: it is read as its siblings are
    ]
    first, second = source.poll(FIRST_LOOK).samples
    assert (first.profile, first.memory) == ("one", {None: 16.0})
    assert (second.profile, second.active) == ("two", {None: 3.0})


def test_what_a_target_counted_is_read_as_that_of_its_siblings_while_it_exposes_nothing() -> None:
    """A worker that restarted has no series before its first run."""
    mine = profile('[labels]\nworkflow = ["w"]\n[signals]\nruns = [{ metric = ["new_total", "done_total"] }]')
    source = Replay("both", ["http://h:1/m", "http://h:2/m"], windows=WINDOWS, profiles=[mine])
    for number in (1, 4):
        source.texts = [f'up_total 1\ndone_total{{w="{each}"}} {number}\n' for each in "ab"]
        source.poll(FIRST_LOOK + number)
    source.texts = ['up_total 1\ndone_total{w="a"} 6\n', "process_start_time_seconds 7\n"]
    (sample,) = source.poll(FIRST_LOOK + 9.0).samples
    assert runs_of(sample) == {RunKey("a", RunStatus.OTHER): 5.0, RunKey("b", RunStatus.OTHER): 3.0}


def test_a_target_is_read_for_the_profile_that_replaces_its_own() -> None:
    """Workers and their server: the server counts the runs, the workers tell what waits."""
    worker = profile(
        '[signals]\nruns = [{ metric = "worker_runs_total" }]', "worker", '["worker_runs_total"]'
    )
    server = profile(
        'replaces = ["worker"]\n[signals]\nruns = [{ metric = "runs_total" }]\n'
        'queue = [{ metric = "worker_waiting" }]',
        "server",
        '["runs_total"]',
    )
    source = Replay("both", ["http://h:1/m", "http://h:2/m"], windows=WINDOWS, profiles=[worker, server])
    source.texts = ["runs_total 1\n", "worker_runs_total 1\nworker_waiting 3\n"]
    (sample,) = source.poll(FIRST_LOOK).samples
    assert (sample.profile, sample.queue) == ("server", {None: 3.0})


def test_series_that_come_later_are_read() -> None:
    text = '[labels]\nworkflow = ["w"]\n[signals]\nactive = [{ metric = "busy" }]'
    assert one(text, 'busy{w="a"} 1\n', 'busy{w="a"} 1\nbusy{w="b"} 2\n').active == {"a": 1.0, "b": 2.0}


def test_a_series_that_comes_back_after_its_time_is_new() -> None:
    text = '[labels]\nworkflow = ["w"]\n[signals]\nruns = [{ metric = "done_total" }]'
    there, gone = (
        'up_total 1\ndone_total{w="a"} 5\ndone_total{w="b"} 1\n',
        'up_total 1\ndone_total{w="b"} 1\n',
    )
    source = Replay("x", ["http://h:1/m"], windows=WINDOWS, profiles=[profile(text)])
    for at, body in ((0, there), (60, gone), (22_000, gone), (22_060, gone), (22_120, there)):
        source.texts = [body]
        (sample,) = source.poll(FIRST_LOOK + at).samples
    assert runs_of(sample) == {RunKey("a", RunStatus.OTHER): 5.0}


def test_label_values_that_mean_nothing_are_passed_over() -> None:
    text = 'empty = ["None"]\n[labels]\nworkflow = ["a", "b"]\n[signals]\nactive = [{ metric = "busy" }]'
    got = one(text, "", 'busy{a="None",b="x"} 1\nbusy{a="None",b="None"} 2\nbusy{a="none",b="y"} 4\n')
    assert got.active == {"x": 1.0, None: 2.0, "none": 4.0}


def test_labels_of_the_target_are_read_where_a_series_lacks_them() -> None:
    text = 'target_labels = ["service_name"]\n[labels]\nworkflow = ["service_name"]\n'
    text += '[signals]\nactive = [{ metric = "busy" }]\nruns = [{ metric = "done_total" }]'
    series = 'busy 1\nbusy{service_name="own"} 2\ndone_total 3\n'
    got = one(text, series, 'target_info{service_name="shop",x="y"} 1\n' + series.replace("3", "8"))
    assert got.active == {"shop": 1.0, "own": 2.0}
    assert runs_of(got) == {RunKey("shop", RunStatus.OTHER): 5.0}


def test_labels_are_of_the_target_with_the_same_job_and_instance() -> None:
    """A Collector exposes the series of many targets."""
    text = 'target_labels = ["service_name"]\n[labels]\nworkflow = ["service_name"]\n'
    text += '[signals]\nactive = [{ metric = "busy" }]'
    infos = "".join(f'target_info{{job="{job}",instance="1",service_name="s-{job}"}} 1\n' for job in "ab")
    got = one(
        text, "", infos + 'busy{job="a",instance="1"} 1\nbusy{job="b",instance="1"} 2\nbusy{job="c"} 4\n'
    )
    assert got.active == {"s-a": 1.0, "s-b": 2.0, None: 4.0}


def test_labels_of_the_target_are_those_of_its_own_target() -> None:
    text = 'target_labels = ["service_name"]\n[labels]\nworkflow = ["service_name"]\n'
    text += '[signals]\nruns = [{ metric = "done_total" }]'
    mine = profile(text)

    def source() -> Replay:
        made = Replay("two", ["http://h:1/m", "http://h:2/m"], windows=WINDOWS, profiles=[mine])
        made.texts = [f'up_total 1\ndone_total 5\ntarget_info{{service_name="s{n}"}} 1\n' for n in (1, 2)]
        return made

    first = source()
    looks: dict[str, list[object]] = {}
    first.recall(lambda target, now: (), lambda target, look: looks.setdefault(target.id, []).append(look))
    first.poll(FIRST_LOOK)
    later = source()
    later.recall(lambda target, now: looks[target.id])  # type: ignore[arg-type, return-value]
    later.texts = [text.replace("total 5", f"total {n}") for text, n in zip(later.texts, (6, 8), strict=True)]
    counts = runs_of(later.poll(FIRST_LOOK + 60.0).samples[0])
    assert counts == {RunKey("s1", RunStatus.OTHER): 1.0, RunKey("s2", RunStatus.OTHER): 3.0}


COST = """[labels]
model = ["m"]
[signals]
cost = [{ metric = "usd_total" }]
tokens = [{ metric = "tok_total" }]
"""


def test_a_cost_of_zero_is_of_a_model_without_a_price_where_the_profile_says_so() -> None:
    first = 'usd_total{m="x"} 0\nusd_total{m="y"} 1\ntok_total{m="x"} 5\ntok_total{m="y"} 5\n'
    second = first.replace('"y"} 1', '"y"} 3')
    priced = CostKey(None, None, "y")
    got = one("zero_cost_is_unpriced = true\n" + COST, first, second)
    assert got.cost == {priced: Amount(2.0, 3.0)}
    assert got.hour_cost is not None
    assert got.hour_cost.usd == {priced: 2.0}
    assert got.growth is not None
    assert got.growth.cost == {priced: 2.0}
    assert "cost: no price of x" in words("zero_cost_is_unpriced = true\n" + COST, first)
    free = one(COST, first, second)
    assert free.cost[CostKey(None, None, "x")] == Amount(0.0, 0.0)
    assert not any("no price" in each for each in words(COST, first))


def test_a_model_with_tokens_and_no_cost_at_all_is_said() -> None:
    text = 'usd_total{m="y"} 1\ntok_total{m="x"} 5\ntok_total{m="y"} 5\n'
    assert "cost: no price of x" in words(COST, text)
    assert not any("no price" in each for each in words(COST, 'tok_total{m="x"} 5\nusd_total 1\n'))


def test_alternatives_have_units_of_their_own() -> None:
    text = """[signals]
duration = [{ metric = ["took_seconds", "took_milliseconds"], scales = { took_milliseconds = 0.001 } }]
wait = [{ metric = ["waited_ms"], scale = 0.001 }]
active = [{ metric = ["busy_k", "busy"], scale = 2.0, scales = { busy_k = 1000.0 } }]
"""
    rows = [
        f'took_milliseconds_bucket{{le="{bound}"}} %d\nwaited_ms_bucket{{le="{bound}"}} %d\n'
        for bound in ("1000", "2000", "+Inf")
    ]
    text_of = "".join(rows)
    got = one(text, text_of % ((0,) * 6) + "busy_k 3\n", text_of % (0, 0, 10, 10, 10, 10) + "busy_k 3\n")
    assert got.durations[None] == Quantiles(1.5, 1.95, 10.0)
    assert got.wait[None] == Quantiles(1.5, 1.95, 10.0)
    assert got.active == {None: 3000.0}
    assert one(text, "", "busy 3\n").active == {None: 6.0}


def test_signals_are_added_and_may_be_subtracted() -> None:
    text = """[labels]
workflow = ["w"]
[signals]
retries = [
  { metric = "task_fail_total" },
  { metric = "task_timeout_total" },
  { metric = "fail_total", scale = -1 },
]
active = [{ metric = "begun" }, { metric = "ended", scale = -1 }]
runs = [{ metric = "fail_total" }, { metric = "task_fail_total", scale = -1 }]
"""
    first = (
        'task_fail_total{w="a"} 10\ntask_timeout_total{w="a"} 1\nfail_total{w="a"} 5\nfail_total{w="b"} 1\n'
    )
    second = (
        'task_fail_total{w="a"} 16\ntask_timeout_total{w="a"} 2\nfail_total{w="a"} 7\nfail_total{w="b"} 3\n'
    )
    levels = 'begun{w="a"} 9\nended{w="a"} 7\nended{w="b"} 2\n'
    got = one(text, first, second + levels)
    assert got.retries == {"a": Amount(5.0, 11.0), "b": Amount(0.0, 0.0)}
    assert got.active == {"a": 2.0, "b": 0.0}
    assert got.runs[0].counts == {RunKey("a", RunStatus.OTHER): 0.0, RunKey("b", RunStatus.OTHER): 2.0}


def test_series_are_counted_whatever_their_values() -> None:
    text = '[labels]\nworkflow = ["w"]\n[signals]\n'
    text += 'active = [{ metric = "age", agg = "count", match = \'s="R"\' }]'
    got = one(text, "", 'age{w="a",s="R",id="1"} 0\nage{w="a",s="R",id="2"} NaN\nage{w="a",s="P",id="3"} 9\n')
    assert got.active == {"a": 2.0}
    least = '[signals]\nbudget = [{ metric = "left", agg = "min" }]\nqueue = [{ metric = "q", agg = "max" }]'
    got = one(least, "", 'left{t="1"} 5\nleft{t="2"} -3\nleft{t="3"} +Inf\nq{t="1"} 4\nq{t="2"} 6\n')
    assert (got.budget, got.queue) == ({None: -3.0}, {None: 6.0})


GAUGED = """[labels]
workflow = ["flow"]
status = ["state"]
[signals]
runs = [{ metric = "recent_runs", type = "gauge", window = 300 }]
"""


def test_a_gauge_of_runs_is_a_window_of_its_own() -> None:
    series = 'recent_runs{flow="a",state="Completed"} 4\nrecent_runs{flow="a",state="Running"} 2\n'
    first, second = readings(
        profile(GAUGED), "up_total 1\n" + series, "up_total 1\n" + series.replace("4", "3")
    )
    for reading, count in ((first, 4.0), (second, 3.0)):
        (sample,) = reading.samples
        counts = {RunKey("a", SUCCESS): count, RunKey("a", ERROR): 0.0}
        assert sample.runs == (RunWindow(300.0, 300.0, counts),)
        assert sample.growth is not None
        assert sample.growth.runs == {}, "what it was at two looks is no growth"


def test_a_gauge_of_runs_that_nobody_told_is_not_zero() -> None:
    source = Replay("x", ["http://h:1/m", "http://h:2/m"], windows=WINDOWS, profiles=[profile(GAUGED)])
    source.texts = ['up_total 1\nrecent_runs{flow="a",state="Failed"} 1\n', "other 1\n"]
    source.poll(FIRST_LOOK)
    source._ask = lambda: [SourceError(Failure.REFUSED, "down"), Answer(200, "", b"other 1\n")]  # type: ignore[method-assign]
    (sample,) = source.poll(FIRST_LOOK + 60.0).samples
    assert Concept.RUNS in sample.exposed
    assert sample.runs == ()


SUMMARY = '[labels]\nworkflow = ["w"]\n[signals]\nduration = [{ metric = "took", type = "summary"%s }]'
NINES = (
    'took{w="a",quantile="0.5"} 2\ntook{w="a",quantile="0.9"} 7\ntook_sum{w="a"} 90\ntook_count{w="a"} %d\n'
)


def test_a_summary_gives_only_the_quantiles_that_it_has() -> None:
    got = one(SUMMARY % "", NINES % 10, NINES % 30)
    assert got.durations == {"a": Quantiles(2.0, None, 20.0)}
    assert "duration p95: not exposed, its quantiles are 0.5 0.9" in words(SUMMARY % "", NINES % 10)
    mapped = SUMMARY % ", quantiles = { p95 = 0.9 }"
    assert one(mapped, NINES % 10, NINES % 30).durations == {"a": Quantiles(2.0, 7.0, 20.0)}
    assert not any("p95" in each for each in words(mapped, NINES % 10))
    in_ms = SUMMARY % ", scale = 0.001"
    assert one(in_ms, NINES % 10, 'took{w="a"} 1\n' + NINES % 30).durations == {
        "a": Quantiles(0.002, None, 20.0)
    }
    whole = NINES.replace("0.9", "0.95")
    assert one(SUMMARY % "", whole % 10, whole % 30).durations == {"a": Quantiles(2.0, 7.0, 20.0)}


def test_quantiles_of_two_processes_are_not_put_together() -> None:
    both = (NINES % 10) + (NINES % 5).replace('w="a"', 'w="a",pod="2"')
    assert one(SUMMARY % "", both, both).durations == {"a": Quantiles(None, None, 0.0)}


def test_a_timer_has_no_quantiles_and_says_so() -> None:
    text = '[signals]\nduration = [{ metric = "took", type = "timer" }]'
    got = one(text, "# TYPE took summary\ntook_sum 9\ntook_count 3\n", "took_sum 20\ntook_count 8\n")
    assert got.durations == {None: Quantiles(None, None, 5.0)}
    assert "duration quantiles: no buckets exposed" in words(
        text, "# TYPE took summary\ntook_sum 9\ntook_count 3\n"
    )


def test_gauges_may_be_quantiles() -> None:
    text = """[signals]
duration = [
  { metric = "took_p50_seconds", type = "gauge", quantiles = { p50 = 0.5 } },
  { metric = "took_p95_seconds", type = "gauge", quantiles = { p95 = 0.95 } },
]
"""
    assert one(text, "", "took_p50_seconds 2\ntook_p95_seconds 5\n").durations == {
        None: Quantiles(2.0, 5.0, None)
    }


def test_timeouts_budget_memory_by_workflow_and_storage() -> None:
    text = """[labels]
workflow = ["w"]
mount = ["at"]
[signals]
timeouts = [{ metric = "late_total" }]
budget = [{ metric = "left" }]
memory = [{ metric = "rss", by = ["workflow"] }]
storage = [
  { metric = "fs_size", set = { kind = "size" }, by = ["mount"] },
  { metric = "fs_free", set = { kind = "free" }, by = ["mount"] },
]
"""
    first = 'late_total{w="a"} 1\n'
    second = 'late_total{w="a"} 4\nleft{w="team"} 7.5\nrss{w="a"} 1e6\n'
    second += 'fs_size{at="/"} 100\nfs_free{at="/"} 40\nfs_size{at="/x"} 5\n'
    got = one(text, first, second)
    assert got.timeouts == {"a": Amount(3.0, 4.0)}
    assert (got.budget, got.memory) == ({"team": 7.5}, {"a": 1e6})
    assert got.storage == {"/": Space(100.0, 40.0), "/x": Space(5.0, None)}
    assert {Concept.TIMEOUTS, Concept.BUDGET, Concept.STORAGE, Concept.MEMORY} <= got.exposed


def test_parts_that_are_apart_from_their_whole_are_put_inside_it() -> None:
    text = '[labels]\nkind = ["type"]\n[tokens]\ncached = "disjoint"\n[signals]\n'
    text += 'tokens = [{ metric = "tok_total" }]'
    first = 'tok_total{type="input"} 10\ntok_total{type="cacheRead"} 100\n'
    got = one(text, first, first.replace("10\n", "13\n").replace("100", "150"))
    whole = TokenKey(None, None, None, TokenKind.INPUT)
    assert got.tokens[whole] == Amount(53.0, 163.0)
    assert got.growth is not None
    assert got.growth.tokens[whole] == 53.0


def test_a_status_may_be_in_the_name_of_a_metric() -> None:
    text = """[labels]
workflow = ["w"]
[values.status]
error = ["success"]
[signals]
runs = [
  { metric = "won_total", set = { status = "success" } },
  { metric = "lost_total", set = { status = "error" } },
]
"""
    got = one(text, 'won_total{w="a"} 1\n', 'won_total{w="a"} 3\nlost_total{w="a"} 1\n')
    assert runs_of(got) == {RunKey("a", SUCCESS): 2.0, RunKey("a", ERROR): 1.0}


def test_labels_that_a_scrape_renamed_are_the_exporters_own() -> None:
    """As a federated Prometheus or a Pushgateway exposes them."""
    text = '[labels]\nworkflow = ["job"]\n[signals]\nactive = [{ metric = "busy" }]'
    assert one(text, "", 'busy{job="scrape",exported_job="mail"} 1\n').active == {"mail": 1.0}


def test_a_histogram_counts_and_adds_up() -> None:
    text = """[labels]
status = ["error_type"]
kind = ["kind"]
[values.status]
success = [""]
error = ["*"]
[signals]
calls = [{ metric = "call_seconds", type = "histogram" }]
tokens = [{ metric = "use", type = "histogram" }]
"""
    rows = 'call_seconds_count %d\ncall_seconds_count{error_type="E"} %d\n'
    rows += 'use_sum{kind="input"} %d\nuse_count{kind="input"} 3\n'
    got = one(text, rows % (1, 1, 10), rows % (4, 2, 70))
    assert got.calls == {
        CallKey(None, None, True): Amount(3.0, 4.0),
        CallKey(None, None, False): Amount(1.0, 2.0),
    }
    assert got.tokens == {TokenKey(None, None, None, TokenKind.INPUT): Amount(60.0, 70.0)}


LAZY = '[signals]\ntokens = [{{ metric = "tok_total", lazy = {} }}]\nretries = [{{ metric = "again_total" }}]'


@pytest.mark.parametrize(("lazy", "counted"), [('"always"', 500.0), ("true", 0.0)])
def test_what_begins_with_its_target_began_at_zero(lazy: str, counted: float) -> None:
    """Of a process that lives for a minute the first look is all that there may be."""
    source = Replay("x", ["http://h:1/m"], windows=WINDOWS, profiles=[profile(LAZY.format(lazy))])
    source._ask = lambda: [SourceError(Failure.REFUSED, "down")]  # type: ignore[method-assign]
    with pytest.raises(SourceError):
        source.poll(FIRST_LOOK)
    source._ask = lambda: [Answer(200, "", b"up_total 1\ntok_total 500\nagain_total 9\n")]  # type: ignore[method-assign]
    for later in (5.0, 10.0):
        (sample,) = source.poll(FIRST_LOOK + later).samples
    key = TokenKey(None, None, None, TokenKind.TOTAL)
    assert sample.tokens == {key: Amount(counted, 500.0)}
    assert sample.retries == {None: Amount(0.0, 9.0)}, "that one is not known to have begun"


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.HTTP])
def test_what_may_have_been_there_unseen_did_not_begin_with_its_target(failure: Failure) -> None:
    source = Replay("x", ["http://h:1/m"], windows=WINDOWS, profiles=[profile(LAZY.format('"always"'))])
    source._ask = lambda: [SourceError(failure, "no")]  # type: ignore[method-assign]
    with pytest.raises(SourceError):
        source.poll(FIRST_LOOK)
    source._ask = lambda: [Answer(200, "", b"up_total 1\ntok_total 500\n")]  # type: ignore[method-assign]
    for later in (5.0, 10.0):
        (sample,) = source.poll(FIRST_LOOK + later).samples
    assert sample.growth is not None
    assert sample.growth.tokens == {}
    assert [amount.delta for amount in sample.tokens.values()] == [0.0]


def test_growth_of_what_began_with_its_target_is_told_once() -> None:
    source = Replay("x", ["http://h:1/m"], windows=WINDOWS, profiles=[profile(LAZY.format('"always"'))])
    source._ask = lambda: [SourceError(Failure.REFUSED, "down")]  # type: ignore[method-assign]
    with pytest.raises(SourceError):
        source.poll(FIRST_LOOK)
    told: dict[TokenKey, float] = {}
    for count in (500, 500, 520):
        answer = Answer(200, "", f"up_total 1\ntok_total {count}\n".encode())
        source._ask = lambda answer=answer: [answer]  # type: ignore[method-assign, misc]
        growth = source.poll(FIRST_LOOK + count).samples[0].growth
        assert growth is not None
        for key, grown in growth.tokens.items():
            told[key] = told.get(key, 0.0) + grown
    assert list(told.values()) == [520.0]


def test_a_place_may_depend_on_what_else_is_there() -> None:
    text = """[signals]
active = [{ metric = "busy", unless = ["better"] }, { metric = "better" }]
queue = [{ metric = "waiting", needs = ["mode"] }]
"""
    assert one(text, "", "busy 5\nwaiting 3\n").active == {None: 5.0}
    got = one(text, "", "busy 5\nbetter 7\nwaiting 3\nmode 1\n")
    assert (got.active, got.queue) == ({None: 7.0}, {None: 3.0})
    assert one(text, "", "busy 5\nwaiting 3\n").queue == {}


def test_what_is_missing_is_said_of_each_profile() -> None:
    said = profile(
        '[not_exposed]\ncost = "it knows no prices"\nwait = "nobody waits"\n[settings]\ncost = "PRICES=1"\n'
        'queue = "QUEUE=1"\n[labels]\nworkflow = ["w"]\n'
        '[signals]\nqueue = [{ metric = "waiting" }]\nactive = [{ metric = "busy" }]\n'
        'memory = [{ metric = "rss" }]',
        "said",
    )
    got = missing_words(said, "up_total 1\nbusy 1\n")
    assert set(got) == {
        "Said: cost: it knows no prices (PRICES=1 exposes it)",
        "Said: wait: nobody waits",
        "Said: queue: not exposed (QUEUE=1 exposes it)",
        "memory: not exposed by said",
        "active by workflow: label not exposed",
    }
    other = profile('[labels]\nworkflow = ["w"]\n[signals]\nactive = [{ metric = "busy" }]', "other")
    assert "Said: active by workflow: label not exposed" in missing_words(
        [said, other], "up_total 1\nbusy 1\n"
    )


def test_an_expression_is_not_for_scraping() -> None:
    text = '[signals]\ncost = [{ metric = "usd", expr = "sum(usd)" }]'
    assert "cost: mine has a PromQL expression, not for scraping" in words(text, "usd 5\n")


def test_only_lines_in_use_are_read_and_kept_for_later() -> None:
    shipped = load_profiles()
    names = Vocabulary(shipped)
    text = b'workflow_executions_total{workflow="a",status="ok"} 1\n'
    text += b"vllm:num_preemptions_total 7\nworkflow_success 3\n"
    reader = ExpositionReader(names.wanted, uses=lambda exposed: names.used(names.fitting(exposed), exposed))
    got = reader.read(text)
    assert {series.name for series in got.samples} == {"workflow_executions_total"}
    assert got.unread == {"vllm:num_preemptions_total", "workflow_success"}
    assert got.unread < got.names
    assert reader.lines == b'workflow_executions_total{workflow="a",status="ok"} 1'


def test_series_above_the_bound_are_said() -> None:
    source = Replay("x", ["http://h:1/m"], windows=WINDOWS, profiles=load_profiles())
    source._targets[0]._reader._max_series = 3
    source.texts = ["".join(f'workflow_executions_total{{workflow="{n}",status="ok"}} 1\n' for n in range(5))]
    assert "http://h:1/m: 2 series above the bound left out" in source.poll(FIRST_LOOK).missing


@pytest.mark.parametrize("seed", range(8))
def test_what_is_only_read_where_it_changed_is_what_it_would_be_read_anew(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over births, resets, restarts, gaps, numbers that are none, lines that are doubled or broken."""
    choose = random.Random(seed)
    values: dict[str, float] = {}
    texts = []
    for look in range(40):
        for _ in range(choose.choice((0, 0, 1, 3))):
            workflow = choose.choice("abc")
            name = choose.choice(
                ('workflow_executions_total{workflow="%s",status="ok"}', 'cost_usd_total{workflow="%s"}')
            )
            values[name % workflow] = values.get(name % workflow, 0.0) + choose.randint(1, 5)
            for bound in ("1", "+Inf"):
                key = f'workflow_duration_seconds_bucket{{workflow="{workflow}",le="{bound}"}}'
                values[key] = values.get(key, 0.0) + (bound == "+Inf" or choose.random() < 0.5)
        rows = [f"{key} {value}" for key, value in values.items() if choose.random() > 0.02]
        rows.append(f"active_workflows {choose.randint(0, 2)}")
        rows.append(f"process_start_time_seconds {1000 + look // 25}")
        if look % 25 == 24:
            values = {key: choose.choice((0.0, value, value + 1)) for key, value in values.items()}
        if choose.random() < 0.1 and rows:
            rows[0] = choose.choice(
                (rows[0].split(" ")[0] + " NaN", rows[0] + "\n" + rows[0] + "1", "a{ 5", rows[0] + " 17")
            )
        texts.append("\n".join(rows) + "\n")
    lean = readings(load_profiles(), *texts, seconds=30.0)
    monkeypatch.setattr(ExpositionReader, "_changed", lambda *_: None)
    whole = readings(load_profiles(), *texts, seconds=30.0)
    assert [_shape(reading) for reading in lean] == [_shape(reading) for reading in whole]
    assert any(window.counts for reading in lean for sample in reading.samples for window in sample.runs)


def _shape(reading: Reading) -> tuple[object, ...]:
    return reading.samples, reading.missing, reading.settled, [change.text for change in reading.changes]


def test_a_counter_that_is_no_number_now_has_no_total() -> None:
    text = '[signals]\nretries = [{ metric = "again_total" }]'
    got = one(text, "again_total 5\n", "again_total NaN\n")
    assert got.retries == {None: Amount(0.0, None)}
    assert not math.isnan(sum(amount.delta or 0.0 for amount in got.retries.values()))
