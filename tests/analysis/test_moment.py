"""The screen of a past moment: what was kept of it, and nothing that was not."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.moment import Kept, Viewer, moment
from wfmon.analysis.pasttrends import past_trends
from wfmon.model.alert import Ack, AlertState, Severity
from wfmon.model.episode import EndedEpisode, EpisodeRecord
from wfmon.model.history import Change, ChangeKind, Kind, Point, Table, columns
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Collector, Level, StatusCounts
from wfmon.model.source import Failure, SourceState, SourceStatus

AT = 1772373807.0  # 14:03:27 UTC
VIEWER = Viewer("prod", "1.0", "joe", UTC)


def table(**rows: Mapping[str, float]) -> Table:
    names = sorted({column for row in rows.values() for column in row})
    return Table(
        tuple(rows),
        {name: array("f", [row.get(name, nan) for row in rows.values()]) for name in names},
    )


def point(tables: Mapping[Kind, Table], at: float = AT // 10 * 10, seconds: float = 10.0) -> Point:
    return Point(at, seconds, tables)


INVOICE = {
    "active": 4, "n": 250, "failed": 80, "window": 300, "runs_per_minute": 50, "retries": 7,
    "duration_p50": 4, "duration_p95": 41, "tokens_per_minute": 8100, "cost_per_hour": 1.5,
    "calls_per_minute": 2, "rss_bytes": 3 * 1024**3, "last_run_age": 5, "last_failed": 1,
}  # fmt: skip
POINT = point(
    {
        Kind.TOTAL: table(
            **{"": {"active": 14, "n": 300, "failed": 75, "window": 300, "cost_per_hour": 5.5}}
        ),
        Kind.WORKFLOW: table(quiet={"active": 0}, invoice=INVOICE),
        Kind.MODEL: Table(
            ("acme/big/one", "acme/small", "/loose"),
            {"tokens_per_minute": array("f", [10, 20, nan]), "cost_per_hour": array("f", [1, 2, 3])},
        ),
        Kind.HOST: table(**{"": {"memory_total": 2**34, "memory_available": 2**32, "load1": 3.5, "cpus": 8}}),
        Kind.VOLUME: table(
            **{
                "/": {"total_bytes": 2**38, "free_bytes": 2**37, "used_ratio": 0.5},
                "/logs": {"used_ratio": 0.25, "limit": 1},
            }
        ),
    }
)
EPISODE = EpisodeRecord(
    "aaaaaaaaaaaa",
    "failure_rate",
    (("workflow", "invoice"),),
    Severity.CRITICAL,
    "90% (225 of 250 in 5m)",  # when it ended
    AT - 207,
    False,
    AT + 600,
    ended_at=AT + 660,
    workflow="invoice",
    value=0.9,
    threshold=0.05,
    peak=0.95,
)
KEPT = Kept(AT, POINT, open=(EPISODE,))


def test_the_figures_of_the_point() -> None:
    found = moment(KEPT, VIEWER)
    assert found.at == AT
    assert [row.name for row in found.workflows] == ["invoice", "quiet"]
    invoice, quiet = found.workflows
    assert invoice.runs == StatusCounts(success=170, error=80)
    assert (invoice.active, invoice.window_seconds, invoice.retries) == (4, 300.0, 7)
    assert (invoice.duration_p50_seconds, invoice.duration_p95_seconds) == (4.0, 41.0)
    assert (invoice.tokens_per_minute, invoice.cost_usd_per_hour) == (8100.0, 1.5)
    assert (invoice.last_status, invoice.rss_bytes) == (RunStatus.ERROR, 3 * 1024**3)
    assert invoice.last_run_at == AT // 10 * 10 + 10 - 5  # ages are told at the end of a point
    assert (quiet.active, quiet.runs, quiet.last_run_at, quiet.last_status) == (0, None, None, None)
    assert quiet.ladder == ()
    assert quiet.usual is None
    totals = found.totals
    assert (totals.active, totals.n, totals.error_ratio, totals.success_ratio) == (14, 300, 0.25, 0.75)
    assert (totals.tokens_per_minute, totals.duration_p95_seconds) == (None, None)


def test_tokens_and_money_by_model_and_provider() -> None:
    found = moment(KEPT, VIEWER)
    assert [(row.provider, row.model, row.per_minute, row.total) for row in found.tokens] == [
        ("acme", "big/one", 10.0, None),
        ("acme", "small", 20.0, None),
    ]
    cost = found.cost
    assert cost.usd_per_hour == 5.5
    assert [(row.name, row.usd_per_hour) for row in cost.by_model] == [
        ("loose", 3.0),
        ("small", 2.0),
        ("big/one", 1.0),
    ]
    assert [(row.name, row.usd_per_hour) for row in cost.by_provider] == [("acme", 3.0), (None, 3.0)]
    assert [(row.name, row.usd_per_hour) for row in cost.by_workflow] == [("invoice", 1.5)]


def test_the_host_as_far_as_it_was_kept() -> None:
    host = moment(KEPT, VIEWER).host
    assert host is not None
    assert host.memory is not None
    assert host.memory.used_ratio == 0.75
    assert (host.swap, host.cpu_ratio, host.load1, host.cpus) == (None, None, 3.5, 8)
    assert [(one.workflow, one.rss_bytes) for one in host.workflows] == [("invoice", 3 * 1024**3)]
    root, logs = host.volumes
    assert (root.mount, root.free_bytes, root.limit) == ("/", 2**37, False)
    assert (logs.total_bytes, logs.used_ratio, logs.limit) == (None, 0.25, True)


def test_an_open_alert_has_the_figures_and_the_ack_of_then() -> None:
    (alert,) = moment(KEPT, VIEWER).alerts
    assert (alert.state, alert.since, alert.ended_at) == (AlertState.FIRING, AT - 207, None)
    assert alert.summary == "32% (80 of 250 in 5m)"
    assert (alert.value, alert.n, alert.failed, alert.threshold) == (0.32, 250, 80, 0.05)
    assert alert.peak is None
    held = replace(EPISODE, ack=Ack("dana", AT - 60, AT + 3540))
    (alert,) = moment(replace(KEPT, open=(held,)), VIEWER).alerts
    assert alert.state is AlertState.ACKED
    full = replace(EPISODE, rule="storage", labels=(("mount", "/"),), workflow=None, summary="/ 93% full")
    (alert,) = moment(replace(KEPT, open=(full,)), VIEWER).alerts
    assert (alert.summary, alert.value) == ("/ 93% full", None)


def test_the_verdict_of_then() -> None:
    found = moment(KEPT, VIEWER).verdict
    assert found.level is Level.CRITICAL
    assert found.text == "invoice fails 32% (80 of 250 in 5m) since 14:00 · nobody has it"
    assert found.alert_id == EPISODE.id
    calm = moment(replace(KEPT, open=()), VIEWER).verdict
    assert calm.level is Level.OK
    assert calm.text == "1 of 2 workflows normal, no finished run known of 1 · $5.50/h"
    down = SourceStatus(
        "prom", "prometheus", SourceState.DOWN, failure=Failure.REFUSED, failing_since=AT - 40, as_of=AT - 45
    )
    blind = moment(replace(KEPT, open=(), statuses=(down,)), VIEWER)
    assert blind.verdict.level is Level.UNKNOWN
    assert blind.verdict.text.startswith("cannot see prom: refused since 14:02")
    assert blind.sources == (down,)


def test_a_source_that_answered_did_so_up_to_then() -> None:
    ok = SourceStatus("logs", "logs", SourceState.OK, as_of=AT - 9000, latency_seconds=0.1)
    (status,) = moment(replace(KEPT, statuses=(ok,)), VIEWER).sources
    assert (status.as_of, status.latency_seconds) == (AT, None)


def test_runs_what_ended_and_what_changed() -> None:
    runs = [
        Run(
            f"r{n}",
            "invoice",
            RunStatus.TIMEOUT if n == 5 else RunStatus.SUCCESS,
            ended_at=AT - 60 + n * 10,
            error="boom" if n == 5 else None,
        )
        for n in range(6)
    ]
    over = EndedEpisode(replace(EPISODE, id="bbbbbbbbbbbb", ended_at=AT - 400), ("dana",))
    change = Change(AT - 30, ChangeKind.RESTART, "invoice", "pid 4 → 5")
    found = moment(replace(KEPT, runs=runs, ended=(over,), changes=(change,)), VIEWER)
    assert [run.id for run in found.runs] == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert [run.id for run in found.recent["invoice"]] == ["r0", "r1", "r2", "r3", "r4", "r5"]
    assert found.runs_total is None
    invoice = found.workflows[0]
    assert (invoice.last_status, invoice.last_error) == (RunStatus.TIMEOUT, "boom")
    assert [(one.id, one.had, one.peak) for one in found.ended] == [("bbbbbbbbbbbb", ("dana",), 0.95)]
    assert found.changes == (change,)


def test_who_collected_then() -> None:
    collector = Collector(7, "dana", self_=False)
    assert moment(replace(KEPT, collector=collector), VIEWER).collector is collector


def test_a_coarse_point_does_not_tell_when_exactly_something_was_last() -> None:
    hour = point({Kind.WORKFLOW: table(invoice=INVOICE)}, at=AT // 3600 * 3600, seconds=3600.0)
    (row,) = moment(replace(KEPT, point=hour), VIEWER).workflows
    assert (row.last_run_at, row.last_status) == (None, None)  # 14:59:58 was not yet at 14:03


def test_means_of_counts_stay_counts() -> None:
    mean = point({Kind.WORKFLOW: table(w={"n": 2.5, "failed": 2.6, "window": 300})})
    (row,) = moment(replace(KEPT, point=mean, open=()), VIEWER).workflows
    assert row.runs == StatusCounts(success=0, error=3)


def test_an_hour_is_told_by_its_sums_where_they_are_known() -> None:
    """A Prometheus tells of hours in which nobody looked; and sums are whole runs, not means of windows."""
    summed = {"runs": 102, "failures": 2, "tokens": 6000, "cost_usd": 3}
    tables = {Kind.WORKFLOW: table(told=summed, watched={**INVOICE, **summed})}
    hour = point(tables, at=AT // 3600 * 3600, seconds=3600.0)
    told, watched = moment(replace(KEPT, point=hour, open=()), VIEWER).workflows
    for row in (told, watched):
        assert row.runs == StatusCounts(success=100, error=2)
        assert (row.window_seconds, row.ladder[0].span) == (3600.0, 3600.0)
    assert (told.runs_per_minute, told.tokens_per_minute, told.cost_usd_per_hour) == (1.7, 100.0, 3.0)
    assert (watched.runs_per_minute, watched.tokens_per_minute, watched.cost_usd_per_hour) == (50, 8100, 1.5)


def test_nothing_kept_gives_nothing() -> None:
    found = moment(Kept(AT, point({})), VIEWER)
    assert (found.workflows, found.host, found.tokens, found.totals.n) == ((), None, (), None)
    assert found.cost.usd_per_hour is None
    assert found.verdict.level is Level.UNKNOWN


FIGURES = st.one_of(st.just(nan), st.floats(0, 1e9, width=32))


@st.composite
def points(draw: st.DrawFn) -> Point:
    tables = {}
    for kind in Kind:
        names = (
            ("",)
            if kind in (Kind.TOTAL, Kind.HOST)
            else tuple(draw(st.sets(st.text("ab/", max_size=3), max_size=3)))
        )
        tables[kind] = Table(
            names,
            {
                column: array("f", [draw(FIGURES) for _ in names])
                for column in columns(kind)
                if draw(st.booleans())
            },
        )
    return point(tables)


@given(points())
def test_whatever_is_missing_no_figure_is_made_up(kept: Point) -> None:
    found = moment(replace(KEPT, point=kept), VIEWER)
    rows = kept.tables[Kind.WORKFLOW]
    for row in found.workflows:
        for figure, column in (
            (row.active, "active"),
            (row.duration_p95_seconds, "duration_p95"),
            (row.cost_usd_per_hour, "cost_per_hour"),
            (row.rss_bytes, "rss_bytes"),
        ):
            assert (figure is None) == (rows.get(row.name, column) is None)
        if row.runs is not None:
            assert 0 <= row.runs.failed <= row.runs.n


# trends ---------------------------------------------------------------------------------------------


def ratio_at(at: float, n: float, failed: float, seconds: float = 10.0) -> Point:
    row = {"n": n, "failed": failed}
    return point({Kind.WORKFLOW: table(w=row), Kind.TOTAL: table(**{"": row})}, at, seconds)


def test_trends_have_gaps_where_nothing_was_kept() -> None:
    found = past_trends([ratio_at(100, 4, 1), ratio_at(120, 0, 0), ratio_at(130, 2, 2)], 100, 160, 6)
    assert found.errors["w"] == (0.25, None, None, 1.0, None, None)
    assert found.total_errors == (0.25, None, None, 1.0, None, None)
    assert found.total_tokens == ()


def test_a_coarse_point_fills_the_steps_that_it_covers() -> None:
    found = past_trends([ratio_at(60, 4, 1, seconds=60), ratio_at(120, 1, 0, seconds=60)], 100, 160, 6)
    assert found.errors["w"] == (0.25, 0.25, 0.0, 0.0, 0.0, 0.0)
    assert past_trends([ratio_at(160, 1, 1)], 100, 160, 6).errors == {}


@pytest.mark.parametrize("steps", [1, 60])
def test_a_series_is_as_long_as_it_was_asked_for(steps: int) -> None:
    found = past_trends([ratio_at(100 + n * 10, 4, 1) for n in range(90)], 100, 1000, steps)
    assert len(found.errors["w"]) == steps
