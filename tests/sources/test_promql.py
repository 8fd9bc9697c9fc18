"""The compiled PromQL, judged by promtool: it parses, and it counts what happened."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote as url_quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.servers import promtool_binary
from wfmon.model.metrics import Concept
from wfmon.sources.profile import Profile, Signal, load_profiles
from wfmon.sources.prometheus_fit import Fitting
from wfmon.sources.prometheus_queries import Forms, Query, compile_concept, compile_growths, name_table
from wfmon.sources.promql import (
    exact_increase,
    first_seen,
    last_seen,
    one_of,
    quote,
    selector,
    span,
    up_of,
    watched_targets,
)

SEED_NAMES = {
    "workflow_executions_total",
    "workflow_duration_seconds_bucket",
    "workflow_duration_seconds_count",
    "workflow_duration_seconds_sum",
    "active_workflows",
    "token_usage_total",
    "workflow_queue_depth",
    "workflow_retries_total",
    "api_calls_total",
    "cost_usd_total",
    "process_resident_memory_bytes",
}

# Every kind of signal that a profile can describe.
WIDE = Profile(
    schema=1,
    name="wide",
    title="all forms",
    detect=["x_info"],
    labels={
        "workflow": ["workflow"],
        "status": ["status"],
        "model": ["model"],
        "provider": ["provider"],
        "kind": ["type"],
    },
    names={"workflow": {"metric": "x_info", "key": "workflow", "label": "workflow_name"}},
    signals={
        "runs": [Signal(metric="x_seconds", match='mode!="manual"')],
        "active": [Signal(metric="x_active", agg="max")],
        "queue": [Signal(metric="x_queue", expr="sum by (workflow) (x_queue)")],
        "duration": [
            Signal(metric="x_seconds", match='mode!="manual"'),
            Signal(metric="x_summary", quantiles={"p95": 0.99}),
            Signal(metric="x_native", type="native"),
        ],
        "retries": [Signal(metric="x_retries", expr="sum by (workflow) (increase(x_retries[$window]))")],
        "tokens": [Signal(metric="x_tokens", lazy="always")],
        "cost": [Signal(metric=["absent_usd", "x_usd"])],
        "wait": [Signal(metric="absent_wait")],
    },
)
WIDE_NAMES = {
    "x_info", "x_seconds_bucket", "x_seconds_count", "x_seconds_sum", "x_active", "x_queue", "x_summary",
    "x_summary_count", "x_native", "x_retries", "x_tokens_sum", "x_tokens_count", "x_usd",
}  # fmt: skip


def compile_all(profile: Profile, names: Collection[str], window: float) -> list[Query]:
    fitting = Fitting(profile, frozenset(names))
    return [query for concept in Concept for query in compile_concept(fitting, concept, window)]


def seed() -> Profile:
    return next(profile for profile in load_profiles() if profile.name == "seed")


def promtool(tmp_path: Path, *arguments: str) -> str:
    done = subprocess.run(
        [promtool_binary(), *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_rules(tmp_path: Path, expressions: Sequence[str]) -> None:
    rules = [{"record": f"wfmon:q{i}", "expr": text} for i, text in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))


def check_rules(tmp_path: Path, expressions: Sequence[str]) -> None:
    write_rules(tmp_path, expressions)
    assert f"SUCCESS: {len(expressions)} rules found" in promtool(tmp_path, "check", "rules", "rules.yml")


def test_every_compiled_form_parses(tmp_path: Path) -> None:
    texts = [query.text for query in compile_all(seed(), SEED_NAMES, 300)]
    texts += [
        query.text
        for window in (300, 21600)
        for query in compile_growths(Fitting(seed(), frozenset(SEED_NAMES)), Concept.RUNS, window)
    ]
    texts += [query.text for query in compile_all(WIDE, WIDE_NAMES, 0.5)]
    wide = Fitting(WIDE, frozenset(WIDE_NAMES))
    texts += [query.text for query in compile_growths(wide, Concept.RUNS, 300)]
    texts += [name_table(WIDE, "workflow")]
    runs = seed().signals_of(Concept.RUNS)[0]
    forms = Forms(Fitting(seed(), frozenset(SEED_NAMES)), Concept.RUNS, runs, runs.metrics[0], 300)
    trend = forms.trend(("workflow", "status"))
    assert trend is not None
    hostile = ['q"uote', "back\\slash", "new\nline", "a.b|c", "$(x)"]
    texts += [
        trend,
        watched_targets(hostile),
        watched_targets([]),
        first_seen(up_of(hostile), [300, 21600]),
        last_seen(up_of(hostile), 900),
    ]
    check_rules(tmp_path, texts)


def test_one_query_for_each_exposed_signal_and_none_for_the_others() -> None:
    queries = compile_all(
        seed(), {"workflow_executions_total", "active_workflows", "token_usage_total_created"}, 300
    )
    assert [query.concept for query in queries] == [Concept.RUNS, Concept.ACTIVE]
    wide = [(query.concept, query.signal.metrics) for query in compile_all(WIDE, WIDE_NAMES, 300)]
    assert len(wide) == 9
    assert all(concept is not Concept.WAIT for concept, _ in wide)


def test_queries_stay_short_enough_for_a_proxy_in_front() -> None:
    longest = max(len(url_quote(query.text)) for query in compile_all(seed(), SEED_NAMES, 300))
    assert longest < 7000, "nginx refuses request lines above 8 kB"


@given(st.text())
def test_a_quoted_text_is_one_literal(text: str) -> None:
    literal = quote(text)
    assert literal[0] == literal[-1] == '"'
    inside = literal[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inside
    assert "\n" not in inside


def test_hostile_job_names_match_only_themselves(tmp_path: Path) -> None:
    names = ["a.b", 'q"', "back\\slash", "p|ipe", "[x]"]
    rules = [f"count(up{{job=~{one_of(names)}}})"]
    series = [*names, "axb", "p", "ipe", "x"]
    evaluate(tmp_path, rules, {f"up{{job={quote(job)}}}": "1x10" for job in series}, "1m", [5.0])


def test_selectors_and_spans() -> None:
    assert selector("a_total") == "a_total"
    assert selector("a_total", 'x="1"') == 'a_total{x="1"}'
    assert selector("a.b") == '{__name__="a.b"}'
    assert (span(300), span(0.25), span(0)) == ("300s", "250ms", "1ms")


# --- what exact_increase counts -------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Samples every 15 s from 0 on; ``happened`` within the last 5 min before ``at``."""

    name: str
    series: str
    up: str
    at: str
    happened: float


CASES = [
    Case("nothing", "7x80", "1x80", "15m", 0),
    Case("steady", "0+1x80", "1x80", "15m", 20),
    Case("the first failure counts", "_x50 1x30", "1x80", "15m", 1),
    Case("born with a big value in a watched target", "_x50 40+2x30", "1x80", "15m", 60),
    Case("born at the very beginning of the window", "_x41 3x40", "1x80", "15m", 3),
    Case("one reset", "100+1x50 1+1x30", "1x80", "15m", 20),
    Case("reset, and the series comes later", "50x50 _x3 1+1x30", "1x80", "15m", 7),
    Case("reset while the target is down", "50x50 stale _ 1+1x30", "1x50 0 0 1x30", "15m", 8),
    Case("restarted just as the window began", "50x40 2+1x40", "1x80", "15m", 21),
    Case("vanished", "5x45 8 stale _x40", "1x80", "15m", 3),
    Case("born and vanished", "_x45 1 4 stale _x40", "1x80", "15m", 4),
    Case("a gap is not a birth", "90x50 stale _x3 91x30", "1x50 0x3 1x30", "15m", 1),
    Case("a long outage is not a birth", "90x10 stale _x43 91x30", "1x10 0x43 1x30", "15m", 0),
    Case("there when its target was first scraped", "_x50 500 503x40", "_x50 1x41", "15m", 3),
    Case("one sample in a new target", "_x60 500", "_x60 1", "15m", 0),
    Case("Prometheus is younger than the window", "_x3 1 4x5", "1x9", "2m", 4),
    Case("watched, then born, Prometheus young", "_ 1x8", "1x9", "2m", 1),
]


def evaluate(
    tmp_path: Path, expressions: Sequence[str], series: dict[str, str], at: str, expected: Sequence[float]
) -> None:
    """Let promtool evaluate each expression at ``at`` and compare its only row."""
    write_rules(tmp_path, expressions)
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {"expr": text, "eval_time": at, "exp_samples": [{"labels": "{}", "value": value}]}
                    for text, value in zip(expressions, expected, strict=True)
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(test))
    promtool(tmp_path, "test", "rules", "test.yml")


@pytest.mark.server
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_counts_what_happened(case: Case, tmp_path: Path) -> None:
    labels = 'job="w",instance="a"'
    evaluate(
        tmp_path,
        [f"sum({exact_increase('m', 300)})"],
        {f'm{{{labels},status="error"}}': case.series, f"up{{{labels}}}": case.up},
        case.at,
        [case.happened],
    )


@pytest.mark.server
def test_unwatched_births_count_where_the_profile_says_always(tmp_path: Path) -> None:
    series = {'m{job="push",instance="a"}': "_x50 3x30"}
    texts = [f"sum({exact_increase('m', 300, always_born=True)})", f"sum({exact_increase('m', 300)})"]
    evaluate(tmp_path, texts, series, "15m", [3, 0])


@pytest.mark.server
def test_several_targets_do_not_disturb_each_other(tmp_path: Path) -> None:
    series = {
        'm{job="w",instance="old"}': "10+1x80",
        'm{job="w",instance="reset"}': "100x50 1+1x30",
        'm{job="w",instance="new"}': "_x50 1000x30",
        'm{job="w",instance="born"}': "_x50 2x30",
        'up{job="w",instance="old"}': "1x80",
        'up{job="w",instance="reset"}': "1x80",
        'up{job="w",instance="new"}': "_x50 1x30",
        'up{job="w",instance="born"}': "1x80",
        'up{job="w",instance="old",zone="twin"}': "1x80",
    }
    evaluate(tmp_path, [f"sum({exact_increase('m', 300)})"], series, "15m", [20 + 10 + 0 + 2])


@pytest.mark.server
def test_buckets_grow_exactly_too(tmp_path: Path) -> None:
    """100 new runs, 80 of them in the first bucket, beside old ones that must not weigh."""
    names = {"workflow_duration_seconds_bucket", "workflow_duration_seconds_count"}
    (query,) = compile_all(seed(), names, 300)
    watched = 'job="w",instance="a"'
    bucket = f'workflow_duration_seconds_bucket{{{watched},workflow="a",le="'
    series = {
        f'{bucket}1"}}': "1000x50 1080x30",
        f'{bucket}5"}}': "9000x50 9100x30",
        f'{bucket}+Inf"}}': "9000x50 9100x30",
        f"up{{{watched}}}": "1x80",
    }
    only = 'label_replace(label_replace(vector(1), "le", "{}", "", ""), "wfmon_op", "bucket", "", "")'
    figures = [f"sum(({query.text}) and on (le, wfmon_op) {only.format(le)})" for le in ("1", "5", "+Inf")]
    evaluate(tmp_path, figures, series, "15m", [80, 100, 100])
