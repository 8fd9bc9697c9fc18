"""Every line of PromQL that a shipped profile is compiled to, judged by promtool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote as url_quote

import pytest

from sources.test_promql import check_rules
from wfmon.model.metrics import Concept
from wfmon.model.record import replace
from wfmon.sources.profile import HISTOGRAM_SUFFIXES, Profile, Signal, load_profiles
from wfmon.sources.prometheus_fit import Fitting
from wfmon.sources.prometheus_queries import (
    Forms,
    compile_concept,
    compile_growths,
    compile_windowed,
    forms_of,
    name_table,
)
from wfmon.sources.promql import troubled_targets

PROFILES = load_profiles()
JOBS = frozenset({"work", 'a "hostile" job'})


def everything(profile: Profile) -> frozenset[str]:
    """Every sample name that the profile could use."""
    metrics = {m for signals in profile.signals.values() for signal in signals for m in signal.metrics}
    inside = {metric + suffix for metric in metrics for suffix in HISTOGRAM_SUFFIXES}
    return frozenset(metrics | inside | {table["metric"] for table in profile.names.values()})


def worlds(profile: Profile) -> Iterator[Fitting]:
    """All names at once; pushed, with labels of the target; and each alternative alone, as each thing that
    it may turn out to be."""
    whole = Fitting(profile, everything(profile))
    yield whole
    yield replace(whole, names=whole.names | {"target_info"}, jobs=JOBS, pushed=JOBS)
    for metric in sorted({m for signals in profile.signals.values() for s in signals for m in s.metrics}):
        inside = frozenset(metric + suffix for suffix in HISTOGRAM_SUFFIXES)
        yield Fitting(profile, frozenset({metric}), JOBS)
        yield Fitting(profile, inside, JOBS)
        yield Fitting(
            profile,
            frozenset({metric, f"{metric}_count", f"{metric}_sum"}),
            JOBS,
            quantiles={metric: frozenset({"0.5", "0.50", "0.9", "0.95", "0.99"})},
        )


def forms(fitting: Fitting) -> Iterator[Forms]:
    for concept in Concept:
        yield from forms_of(fitting, concept, 300.0)


def texts(fitting: Fitting) -> Iterator[str]:
    """What polls, trends, hours and the past ask."""
    for concept in Concept:
        yield from (query.text for query in compile_concept(fitting, concept, 300.0))
        yield from (query.text for query in compile_growths(fitting, concept, 3600.0))
    yield from (query.text for query in compile_windowed(fitting))
    counters = [series for each in forms(fitting) if (series := each.counter()) is not None]
    troubled = troubled_targets(JOBS, counters[:2], 3600.0) if counters else None
    for each in forms(fitting):
        found = [each.trend(("workflow", "status")), each.exact('workflow="x"'), each.expression()]
        if troubled is not None and each.expression() is None:
            found.append(each.calm_growth(troubled))
        yield from (text for text in found if text is not None)
    for dim, table in fitting.profile.names.items():
        if table["metric"] in fitting.names:
            yield name_table(fitting.profile, dim)


@pytest.mark.server
def test_every_line_of_every_shipped_profile_parses(tmp_path: Path) -> None:
    lines = {text for profile in PROFILES for fitting in worlds(profile) for text in texts(fitting)}
    assert len(lines) > 40 * len(PROFILES)
    check_rules(tmp_path, sorted(lines))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_signal_of_a_shipped_profile_asks_for_something(profile: Profile) -> None:
    """Of every alternative alone there is a form in which it can answer."""
    for concept in Concept:
        for index, signal in enumerate(profile.signals_of(concept)):
            for metric in signal.metrics:
                there = {metric} | {metric + suffix for suffix in HISTOGRAM_SUFFIXES} | set(signal.needs)
                (found,) = [
                    each
                    for each in forms_of(Fitting(profile, frozenset(there)), concept, 300.0)
                    if each.signal is signal
                ]
                assert found.parts(), f"{concept}[{index}] {metric}"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_no_question_is_longer_than_a_proxy_allows(profile: Profile) -> None:
    for fitting in worlds(profile):
        for concept in Concept:
            for query in compile_concept(fitting, concept, 300.0):
                assert len(url_quote(query.text)) < 7500, (concept, query.text)


def with_signal(concept: str, signal: Signal, **more: object) -> Profile:
    return Profile(
        schema=1,
        name="p",
        title="P",
        detect=["m"],
        labels={"workflow": ["service_name", "workflow"], "status": ["status"], "mount": ["mountpoint"]},
        signals={concept: [signal]},
        **more,  # type: ignore[arg-type]
    )


def only(profile: Profile, *names: str, **more: object) -> str:
    (concept,) = profile.signals
    fitting = replace(Fitting(profile, frozenset(names)), **more)
    (query,) = compile_concept(fitting, Concept(concept), 300.0)
    return query.text


def test_a_gauge_of_finished_runs_is_not_grown() -> None:
    text = only(with_signal("runs", Signal("m", type="gauge", window=300.0)), "m")
    assert "increase" not in text
    assert "last_over_time" not in text


def test_a_number_of_series_counts_them_whatever_their_values() -> None:
    text = only(with_signal("active", Signal("m", agg="count")), "m")
    assert (
        "label_replace(count by (exported_service_name, service_name, exported_workflow, workflow) (m),"
        in text
    )


def test_quantiles_are_asked_for_as_the_summary_spells_them() -> None:
    profile = with_signal("duration", Signal("m"))
    some = only(profile, "m", "m_count", quantiles={"m": frozenset({"0.50", "0.9", "0.99"})})
    assert 'quantile="0.50"' in some
    assert "0.9" not in some.replace("0.50", "")
    assert '"p95"' not in some
    assert "quantile" not in only(profile, "m_count", "m_sum"), "a timer"


def test_targets_are_kept_apart_where_their_labels_are_joined() -> None:
    profile = with_signal("runs", Signal("m_total"), target_labels=["service_name"])
    labels = "workflow, exported_status, status, job, instance)"
    assert labels in only(profile, "m_total", "target_info")
    assert labels not in only(profile, "m_total")


def test_pushed_series_are_guarded_by_what_tells_of_their_target() -> None:
    profile = with_signal("runs", Signal("m_total", lazy=True))
    pushed = only(profile, "m_total", "target_info", jobs=JOBS, pushed=JOBS)
    assert "count_over_time(target_info{job=~" in pushed
    assert "target_info" not in only(profile, "m_total", "target_info", jobs=JOBS)
    always = only(with_signal("runs", Signal("m_total", lazy="always")), "m_total", jobs=JOBS, pushed=JOBS)
    assert "up{" not in always


def test_what_every_process_exposes_is_asked_of_the_jobs_of_the_profile() -> None:
    profile = with_signal("memory", Signal("process_resident_memory_bytes"))
    assert 'process_resident_memory_bytes{job=~"w"}' in only(
        profile, "process_resident_memory_bytes", jobs=frozenset({"w"})
    )
    own = with_signal("memory", Signal("process_resident_memory_bytes", match='job="x"'))
    assert "=~" not in only(own, "process_resident_memory_bytes", jobs=frozenset({"w"}))


def test_each_target_is_read_by_the_first_of_the_alternatives_that_it_has() -> None:
    profile = with_signal("tokens", Signal(["new_total", "old"], scales={"old": 0.001}))
    fitting = Fitting(profile, frozenset({"new_total", "old_sum", "old_count"}))
    new, old = compile_concept(fitting, Concept.TOKENS, 300.0)
    assert "unless on (job, instance) (last_over_time" not in new.text
    assert "unless on (job, instance) (last_over_time(new_total[300s]))" in old.text
    assert (new.scale, old.scale) == (1.0, 0.001)


def test_native_histograms_are_counted_and_timed() -> None:
    runs = with_signal("runs", Signal("m", type="histogram"))
    assert "histogram_count(sum by" in only(runs, "m")
    timed = only(with_signal("duration", Signal("m")), "m", quantiles={"m": frozenset()})
    assert "histogram_quantile(0.95, sum by" in timed


@pytest.mark.server
def test_every_form_parses(tmp_path: Path) -> None:
    kinds = [None, "counter", "gauge", "histogram", "native", "summary", "timer"]
    names = [{"m"}, {"m_count", "m_sum"}, {"m_bucket", "m_count", "m_sum"}, {"m", "m_count", "m_sum"}]
    lines: set[str] = set()
    for concept in Concept:
        for kind in kinds:
            for lazy in (False, "always"):
                signal = Signal("m", type=kind, lazy=lazy, match='a!="b" , ')
                profile = with_signal(concept.value, signal, target_labels=["service_name"])
                for some in names:
                    fitting = Fitting(profile, frozenset({*some, "target_info"}), JOBS, JOBS)
                    lines.update(texts(fitting))
    check_rules(tmp_path, sorted(lines))
