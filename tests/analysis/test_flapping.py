"""An alert that ends and fires again all the time is one alert until it has been quiet."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from wfmon.analysis.episodes import EpisodeMemory, advance, begin, ended, sightings
from wfmon.analysis.shown import alerts
from wfmon.model.alert import Alert, AlertState, Finding, Severity
from wfmon.model.episode import EpisodeRecord
from wfmon.model.settings import EpisodeSettings, FlapSettings

FLAP = FlapSettings(transitions=4, window_seconds=3600, quiet_seconds=1800)
SETTINGS = EpisodeSettings(gap_seconds=600, resolved_keep_seconds=900, flap=FLAP)
PLAIN = replace(SETTINGS, flap=None)
LABELS = (("workflow", "w"),)
KEY = ("rule", LABELS)
LEGAL = {
    (None, AlertState.PENDING),
    (None, AlertState.FIRING),
    (AlertState.PENDING, None),
    (AlertState.PENDING, AlertState.FIRING),
    (AlertState.PENDING, AlertState.NO_DATA),
    (AlertState.FIRING, AlertState.NO_DATA),
    (AlertState.FIRING, AlertState.RESOLVED),
    (AlertState.NO_DATA, AlertState.FIRING),
    (AlertState.NO_DATA, AlertState.RESOLVED),
    (AlertState.RESOLVED, None),
    (AlertState.RESOLVED, AlertState.FIRING),
    (AlertState.RESOLVED, AlertState.PENDING),
}


def said(holds: bool | None, severity: Severity = Severity.WARNING, **more: object) -> Finding:
    finding = Finding("rule", LABELS, severity, holds, f"says {holds}", "w", value=1.0 if holds else 0.0)
    return replace(finding, **more)  # type: ignore[arg-type]


def see(memory: EpisodeMemory, now: float, with_: EpisodeSettings = SETTINGS) -> Alert | None:
    shown = alerts(memory, {}, now, with_)
    assert len(shown) <= 1, "one rule on one subject is one row"
    return shown[0] if shown else None


def flapped(times: int) -> tuple[EpisodeMemory, float]:
    """Fired, and ended and fired again ``times`` times, two minutes each."""
    memory, now = advance(EpisodeMemory(), [said(True)], 0.0, SETTINGS), 0.0
    for _ in range(times):
        for holds in (False, True):
            now += 60
            memory = advance(memory, [said(holds)], now, SETTINGS)
    return memory, now


def test_the_fourth_time_it_fires_again_it_stays() -> None:
    memory, now = flapped(3)
    alert = see(memory, now)
    assert alert is not None
    assert (alert.flaps, alert.flapping, alert.summary) == (3, False, "says True")
    assert see(advance(memory, [said(False)], now + 60, SETTINGS), now).state is AlertState.RESOLVED  # type: ignore[union-attr]

    memory, now = flapped(4)
    memory = advance(memory, [said(False)], now + 60, SETTINGS)
    alert = see(memory, now + 60)
    assert alert is not None
    assert (alert.flaps, alert.flapping, alert.state) == (4, True, AlertState.FIRING)
    assert alert.summary == "flapping, says False"
    assert ended(memory) == {}
    assert [(each.flaps, each.summary) for each in sightings(memory)] == [(4, "says False")]


def test_it_ends_when_it_was_quiet_for_long_enough() -> None:
    memory, now = flapped(4)
    quiet = now + 60
    for at in (quiet, quiet + 900, quiet + 1799):
        memory = advance(memory, [said(False)], at, SETTINGS)
        assert see(memory, at).state is AlertState.FIRING  # type: ignore[union-attr]
    memory = advance(memory, [said(False)], quiet + 1800, SETTINGS)
    assert ended(memory) == {KEY: quiet + 1800}


def test_each_return_is_counted_and_begins_nothing() -> None:
    memory, now = flapped(4)
    first = see(memory, now)
    for number in range(5, 9):
        memory = advance(memory, [said(False)], now + 60, SETTINGS)
        memory = advance(memory, [said(True)], now + 120, SETTINGS)
        now += 120
        alert = see(memory, now)
        assert first is not None
        assert alert is not None
        assert (alert.id, alert.since, alert.fired_at) == (first.id, first.since, first.fired_at)
        assert (alert.flaps, alert.flapping) == (number, True)


def test_time_without_data_is_no_quiet_time() -> None:
    memory, now = flapped(4)
    memory = advance(memory, [said(False)], now + 60, SETTINGS)
    memory = advance(memory, [said(None)], now + 4000, SETTINGS)
    assert see(memory, now + 4000).state is AlertState.NO_DATA  # type: ignore[union-attr]
    assert sightings(memory) == ()
    memory = advance(memory, [said(False)], now + 4010, SETTINGS)
    assert see(memory, now + 4010).state is AlertState.FIRING  # type: ignore[union-attr]
    memory = advance(memory, [said(False)], now + 4010 + 1790, SETTINGS)
    assert see(memory, now + 5800).state is AlertState.RESOLVED  # type: ignore[union-attr]


def test_what_waits_to_fire_is_not_quiet() -> None:
    memory, now = flapped(4)
    memory = advance(memory, [said(False)], now + 60, SETTINGS)
    memory = advance(memory, [said(True, for_seconds=300)], now + 1000, SETTINGS)
    alert = see(memory, now + 1000)
    assert alert is not None
    assert (alert.state, alert.flaps) == (AlertState.FIRING, 4)
    memory = advance(memory, [said(False)], now + 1010, SETTINGS)
    memory = advance(memory, [said(False)], now + 2000, SETTINGS)
    assert see(memory, now + 2000).state is AlertState.FIRING  # type: ignore[union-attr]


def test_the_severity_that_fired_last_is_told_while_it_rests() -> None:
    critical = {"severity": Severity.CRITICAL}
    memory, now = flapped(4)
    memory = advance(memory, [said(True), said(True, **critical)], now + 10, SETTINGS)  # type: ignore[arg-type]
    memory = advance(memory, [said(False), said(False, **critical)], now + 20, SETTINGS)  # type: ignore[arg-type]
    assert see(memory, now + 20).severity is Severity.CRITICAL  # type: ignore[union-attr]
    memory = advance(memory, [said(True), said(False, **critical)], now + 30, SETTINGS)  # type: ignore[arg-type]
    assert see(memory, now + 30).severity is Severity.WARNING  # type: ignore[union-attr]


def test_it_goes_on_flapping_after_a_restart() -> None:
    record = EpisodeRecord("abcdef012345", "rule", LABELS, Severity.WARNING, "x", 0.0, False, 1000.0, flaps=4)
    memory = advance(begin([record], 1010), [said(False)], 1010, SETTINGS)
    alert = see(memory, 1010)
    assert alert is not None
    assert (alert.id, alert.flaps, alert.flapping, alert.state) == (
        "abcdef012345",
        4,
        True,
        AlertState.FIRING,
    )


def test_what_steadily_fires_ends_as_anything_else() -> None:
    memory, now = flapped(4)
    for at in range(int(now), int(now) + 7200, 600):
        memory = advance(memory, [said(True)], at, SETTINGS)
    memory = advance(memory, [said(False)], now + 7300, SETTINGS)
    assert ended(memory) == {KEY: now + 7300}


FINDINGS = st.builds(
    said,
    st.sampled_from([True, False, False, True, None]),
    st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
    keep_seconds=st.sampled_from([0.0, 60.0]),
    for_seconds=st.sampled_from([0.0, 0.0, 60.0]),
    clears=st.booleans(),
    between=st.booleans(),
    learning=st.booleans(),
)
STEPS = st.lists(
    st.tuples(
        st.one_of(st.floats(1, 120), st.floats(-100, 4000)),
        st.lists(FINDINGS, max_size=2, unique_by=lambda finding: finding.severity),
    ),
    max_size=80,
)


RESTLESS = st.lists(
    st.tuples(
        st.sampled_from([60.0, 60.0, 300.0, 1900.0]),
        st.sampled_from([True, False, True, False, None]).map(lambda holds: [said(holds)]),
    ),
    min_size=8,
    max_size=40,
)


@settings(max_examples=200)
@given(st.one_of(STEPS, RESTLESS))
def test_whatever_comes_it_is_one_row_in_a_legal_state(steps: list[tuple[float, list[Finding]]]) -> None:
    memory, now, before = EpisodeMemory(), 1_000_000.0, None
    for elapsed, findings in steps:
        now += elapsed
        memory = advance(memory, findings, now, SETTINGS)
        alert = see(memory, now)
        states = (before.state if before else None, alert.state if alert else None)
        assert (
            states[0] is states[1] or states in LEGAL or states == (AlertState.RESOLVED, AlertState.NO_DATA)
        )
        if before is not None and before.open:
            assert alert is not None, "an open alert was lost"
            known_no = any(finding.holds is False for finding in findings)
            assert alert.open or known_no, "missing data ended an episode"
            if alert.open or alert.ended_at == now:
                assert (alert.id, alert.since <= before.since) == (before.id, True)
            if before.flapping and alert.open:
                assert alert.id == before.id
        if alert is not None:
            assert alert.samples >= 0
            if alert.samples:
                assert alert.low is not None
                assert alert.mean is not None
                assert alert.peak is not None
                assert alert.low <= alert.mean <= alert.peak
            assert (
                alert.flapping == alert.summary.removeprefix("no data, last known: ").startswith("flapping")
                or alert.state is AlertState.NO_DATA
            )
        told = {each.key for each in sightings(memory)}
        assert not told & ended(memory).keys()
        before = alert


@settings(max_examples=200)
@given(st.one_of(STEPS, RESTLESS))
def test_what_does_not_flap_is_never_prolonged(steps: list[tuple[float, list[Finding]]]) -> None:
    """Beside an engine that only counts: as long as there were fewer flaps, both say the same."""
    memory, plain, now = EpisodeMemory(), EpisodeMemory(), 1_000_000.0
    for elapsed, findings in steps:
        now += elapsed
        memory = advance(memory, findings, now, SETTINGS)
        plain = advance(plain, findings, now, PLAIN)
        alert, counting = see(memory, now), see(plain, now, PLAIN)
        if counting is not None and counting.flaps >= FLAP.transitions:
            assert alert is not None
            return
        assert alert == counting
