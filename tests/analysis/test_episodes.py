from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis import episodes
from wfmon.analysis.episodes import (
    EpisodeMemory,
    advance,
    begin,
    provisional_id,
    sightings,
)
from wfmon.analysis.shown import alerts, with_ack
from wfmon.model.alert import Ack, Alert, AlertState, Finding, Severity
from wfmon.model.episode import EpisodeRecord
from wfmon.model.settings import EpisodeSettings

SETTINGS = EpisodeSettings(gap_seconds=600, resolved_keep_seconds=900)
LABELS = (("workflow", "w"),)
KEY = ("rule", LABELS)


def said(
    holds: bool | None, severity: Severity = Severity.WARNING, *, value: float | None = None, **more: object
) -> Finding:
    finding = Finding("rule", LABELS, severity, holds, f"says {holds}", "w", value=value, keep_seconds=60)
    return replace(finding, **more)  # type: ignore[arg-type]


def run(memory: EpisodeMemory, now: float, *findings: Finding) -> tuple[EpisodeMemory, Alert | None]:
    memory = advance(memory, findings, now, SETTINGS)
    shown = alerts(memory, {}, now, SETTINGS)
    assert len(shown) <= 1
    return memory, shown[0] if shown else None


def test_pending_until_it_held_long_enough() -> None:
    memory, alert = run(EpisodeMemory(), 100, said(False))
    assert alert is None
    memory, alert = run(memory, 110, said(True, for_seconds=30))
    assert alert is not None
    assert (alert.state, alert.since, alert.since_at_least) == (AlertState.PENDING, 110, False)
    memory, alert = run(memory, 139, said(True, for_seconds=30))
    assert alert is not None
    assert alert.state is AlertState.PENDING
    memory, alert = run(memory, 140, said(True, for_seconds=30))
    assert alert is not None
    assert (alert.state, alert.since, alert.fired_at) == (AlertState.FIRING, 110, 140)


def test_pending_that_stops_holding_was_nothing() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(True, for_seconds=30))
    memory, alert = run(memory, 110, said(False))
    assert alert is None
    assert run(memory, 200, said(True, for_seconds=30))[1].state is AlertState.PENDING  # type: ignore[union-attr]


def test_first_look_says_at_least() -> None:
    _, alert = run(EpisodeMemory(), 100, said(True))
    assert alert is not None
    assert alert.since_at_least is True


def test_what_begins_after_unknown_time_is_at_least() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(False))
    memory, _ = run(memory, 105, said(None))
    _, alert = run(memory, 110, said(True))
    assert alert is not None
    assert alert.since_at_least is True


def test_data_that_comes_later_may_say_since_when() -> None:
    """Counters have no past and answer first; the log tells that it began long before."""
    memory, first = run(EpisodeMemory(), 100, said(True))
    memory, later = run(memory, 101, said(True, since=40.0, since_at_least=False))
    assert first is not None
    assert later is not None
    assert (later.id, later.since, later.since_at_least) == (first.id, 40.0, False)
    (told,) = sightings(memory)
    assert (told.since, told.since_at_least) == (40.0, False)
    _, after = run(memory, 102, said(True, since=10.0))
    assert after is not None
    assert after.since == 40.0, "what is known is not known better"


def test_the_data_may_say_since_when() -> None:
    _, alert = run(EpisodeMemory(), 200, said(True, since=50.0, for_seconds=120))
    assert alert is not None
    assert (alert.state, alert.since, alert.since_at_least) == (AlertState.FIRING, 50, False)


def test_keeps_firing_for_the_quiet_time_and_is_listed_after() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(True, value=0.5))
    memory, alert = run(memory, 159, said(False, value=0.0))
    assert alert is not None
    assert alert.state is AlertState.FIRING
    memory, alert = run(memory, 160, said(False, value=0.0))
    assert alert is not None
    assert (alert.state, alert.ended_at, alert.peak) == (AlertState.RESOLVED, 160, 0.5)
    memory, alert = run(memory, 160 + 899, said(False))
    assert alert is not None
    assert run(memory, 160 + 900, said(False))[1] is None


def test_between_trip_and_clear_it_stays_without_end() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(True))
    for now in range(200, 5000, 100):
        memory, alert = run(memory, now, said(False, between=True))
        assert alert is not None
        assert alert.state is AlertState.FIRING
    memory, alert = run(memory, 5000, said(False))
    assert alert is not None
    assert alert.state is AlertState.RESOLVED


def test_clears_ends_at_once() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(True))
    assert run(memory, 101, said(False, clears=True))[1].state is AlertState.RESOLVED  # type: ignore[union-attr]


def test_without_data_it_stays_open_and_says_so() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(True, value=0.5))
    for now, findings in ((110, (said(None),)), (4000, ()), (8000, (said(None),))):
        memory, alert = run(memory, now, *findings)
        assert alert is not None
        assert alert.state is AlertState.NO_DATA
        assert alert.summary == "no data, last known: says True"
        assert alert.value == 0.5
        assert sightings(memory) == ()


def test_unknown_time_is_no_quiet_time() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(True))
    memory, _ = run(memory, 105, said(False))
    memory, _ = run(memory, 5000, said(None))
    memory, alert = run(memory, 5010, said(False))
    assert alert is not None
    assert alert.state is AlertState.FIRING
    assert run(memory, 5060, said(False))[1].state is AlertState.RESOLVED  # type: ignore[union-attr]


def test_severity_rises_and_falls_within_one_episode() -> None:
    memory, first = run(EpisodeMemory(), 100, said(True), said(False, Severity.CRITICAL))
    memory, worse = run(memory, 110, said(True), said(True, Severity.CRITICAL))
    memory, better = run(memory, 200, said(True), said(False, Severity.CRITICAL))
    assert first is not None
    assert worse is not None
    assert better is not None
    assert (first.severity, worse.severity, better.severity) == (
        Severity.WARNING,
        Severity.CRITICAL,
        Severity.WARNING,
    )
    assert first.id == worse.id == better.id


def test_coming_back_within_the_gap_is_the_same_episode_and_a_flap() -> None:
    memory, first = run(EpisodeMemory(), 100, said(True))
    memory, _ = run(memory, 110, said(False, clears=True))
    memory, again = run(memory, 700, said(True))
    assert first is not None
    assert again is not None
    assert (again.id, again.since, again.flaps) == (first.id, 100, 1)
    memory, _ = run(memory, 710, said(False, clears=True))
    memory, other = run(memory, 710 + 600, said(True))
    assert other is not None
    assert other.id != first.id
    assert (other.since, other.flaps) == (1310, 0)


def record(**more: object) -> EpisodeRecord:
    plain = EpisodeRecord(
        "abcdef012345", "rule", LABELS, Severity.WARNING, "was 32%", 50.0, False, 1000.0, workflow="w"
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def test_after_a_restart_an_open_episode_goes_on() -> None:
    memory = begin([record()], 1100)
    assert alerts(memory, {}, 1100, SETTINGS) == ()
    memory = advance(memory, [said(None)], 1100, SETTINGS)
    (alert,) = alerts(memory, {KEY: record()}, 1100, SETTINGS)
    assert (alert.id, alert.since, alert.state) == ("abcdef012345", 50, AlertState.NO_DATA)
    memory = advance(memory, [said(True)], 1110, SETTINGS)
    (alert,) = alerts(memory, {KEY: record()}, 1110, SETTINGS)
    assert (alert.since, alert.since_at_least, alert.state) == (50, False, AlertState.FIRING)


def test_after_a_restart_the_band_between_keeps_it() -> None:
    memory = advance(begin([record()], 9000), [said(False, between=True)], 9000, SETTINGS)
    assert alerts(memory, {}, 9000, SETTINGS)[0].state is AlertState.FIRING


def test_after_a_restart_what_cleared_unseen_ends() -> None:
    memory = advance(begin([record()], 9000), [said(False)], 9000, SETTINGS)
    assert episodes.ended(memory) == {KEY: 9000}


def test_a_day_old_episode_is_not_taken_up() -> None:
    memory = advance(begin([record()], 200_000), [said(True)], 200_000, SETTINGS)
    assert alerts(memory, {}, 200_000, SETTINGS)[0].since == 200_000


def test_the_store_gives_id_and_begin() -> None:
    memory = advance(EpisodeMemory(), [said(True)], 1000, SETTINGS)
    (alert,) = alerts(memory, {KEY: record()}, 1000, SETTINGS)
    assert (alert.id, alert.since, alert.state) == ("abcdef012345", 50, AlertState.FIRING)
    (alone,) = alerts(memory, {}, 1000, SETTINGS)
    assert alone.id == provisional_id(KEY, 1000)


def test_an_ack_laid_over_an_alert_and_taken_off_again() -> None:
    ack = Ack("joe", 1000, 4600)
    memory, firing = run(EpisodeMemory(), 1000, said(True))
    assert firing is not None
    assert with_ack(firing, None) is firing
    taken = with_ack(firing, ack)
    assert (taken.state, taken.ack) == (AlertState.ACKED, ack)
    assert with_ack(taken, ack) is taken
    assert with_ack(taken, None) == firing
    unsaved = with_ack(firing, None, "disk full")
    assert (unsaved.state, unsaved.unsaved) == (AlertState.FIRING, "disk full")
    memory, blind = run(memory, 1010, said(None))
    assert blind is not None
    assert (blind.state, blind.blind) == (AlertState.NO_DATA, True)
    assert with_ack(blind, ack).state is AlertState.ACKED
    assert with_ack(with_ack(blind, ack), None) == blind
    _, over = run(memory, 1020, said(False, clears=True))
    assert over is not None
    assert (with_ack(over, ack).state, with_ack(over, ack).ack) == (AlertState.RESOLVED, ack)
    _, pending = run(EpisodeMemory(), 1000, said(True, for_seconds=30))
    assert pending is not None
    assert with_ack(pending, ack).state is AlertState.PENDING


def test_a_record_of_an_earlier_episode_is_not_this_one() -> None:
    old = record(ended_at=1000.0, ack=Ack("joe", 900, 9000))
    memory = advance(begin([old], 5000), [said(True)], 5000, SETTINGS)
    (alert,) = alerts(memory, {KEY: old}, 5000, SETTINGS)
    assert (alert.id, alert.since, alert.ack) == (provisional_id(KEY, 5000), 5000, None)
    assert episodes.cleared(memory, "rule") == {"w": 1000}


def test_too_young_a_condition_is_unjudged() -> None:
    memory = advance(EpisodeMemory(), [said(True, for_seconds=60)], 100, SETTINGS)
    assert [each.text for each in memory.unjudged] == ["says True, only 0s of history, need 1m"]
    known = advance(
        advance(EpisodeMemory(), [said(False)], 90, SETTINGS), [said(True, for_seconds=60)], 100, SETTINGS
    )
    assert known.unjudged == ()


def test_what_waited_again_when_all_fell_silent_is_forgotten_with_the_episode() -> None:
    memory, _ = run(EpisodeMemory(), 1000, said(True))
    memory, _ = run(memory, 1010, said(False, clears=True))
    memory, _ = run(memory, 1700, said(True, for_seconds=600.0))
    memory, alert = run(memory, 2000)
    assert alert is None
    assert not memory.episodes


def test_a_window_that_is_not_yet_covered_is_learnt_and_hides_no_open_alert() -> None:
    young = said(None, learning=True)
    memory, alert = run(EpisodeMemory(), 100, young)
    assert alert is None
    assert [each.learning for each in memory.unjudged] == [True]
    both = advance(EpisodeMemory(), [young, said(None, Severity.CRITICAL)], 100, SETTINGS)
    assert [each.learning for each in both.unjudged] == [False], "what cannot be said outranks what is learnt"
    memory, _ = run(EpisodeMemory(), 100, said(True))
    memory, alert = run(memory, 110, young)
    assert alert is not None
    assert (alert.state, memory.unjudged) == (AlertState.NO_DATA, ())


def test_when_a_workflow_cleared_is_remembered_for_its_windows() -> None:
    memory, _ = run(EpisodeMemory(), 100, said(True))
    memory, _ = run(memory, 110, said(False, clears=True))
    memory, _ = run(memory, 9000, said(False))
    assert episodes.cleared(memory, "rule") == {"w": 110}
    ended_before = begin([record(ended_at=1000.0)], 1500)
    assert episodes.cleared(ended_before, "rule") == {"w": 1000}


FINDINGS = st.builds(
    lambda holds, severity, keep, wait, between, clears: said(
        holds, severity, keep_seconds=keep, for_seconds=wait, between=between, clears=clears
    ),
    st.sampled_from([True, False, None]),
    st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
    st.sampled_from([0.0, 30.0]),
    st.sampled_from([0.0, 20.0]),
    st.booleans(),
    st.booleans(),
)
STEPS = st.lists(
    st.tuples(
        st.floats(-50, 900, allow_nan=False),
        st.lists(FINDINGS, max_size=2, unique_by=lambda finding: finding.severity),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_comes_the_laws_hold(steps: list[tuple[float, list[Finding]]]) -> None:
    memory, now = EpisodeMemory(), 1_000_000.0
    open_before: Alert | None = None
    for elapsed, findings in steps:
        now += elapsed
        memory, alert = run(memory, now, *findings)
        judged = {finding.severity for finding in findings if finding.holds is False}
        if open_before is not None and open_before.open and not judged:
            assert alert is not None, "an open alert vanished without a known no"
            assert alert.open, "an open alert went green without a known no"
        if open_before is not None and alert is not None and open_before.open and alert.open:
            assert alert.id == open_before.id, "one episode, two ids"
        if alert is not None:
            assert alert.since <= (alert.fired_at if alert.fired_at is not None else now)
            assert alert.since <= now
            assert alert.ended_at is None or alert.ended_at <= now
            assert alert.ended_at is None or alert.since <= alert.ended_at
        open_before = alert


def test_what_was_critical_is_told_as_critical_once_it_has_ended() -> None:
    memory, alert = run(EpisodeMemory(), 100, said(True), said(True, Severity.CRITICAL))
    assert alert is not None
    assert alert.severity is Severity.CRITICAL
    memory, alert = run(memory, 200, said(True), said(False, Severity.CRITICAL, clears=True))
    assert alert is not None
    assert alert.severity is Severity.WARNING, "what it is now"
    memory, alert = run(memory, 400, said(False, clears=True), said(False, Severity.CRITICAL, clears=True))
    assert alert is not None
    assert (alert.state, alert.severity) == (AlertState.RESOLVED, Severity.CRITICAL)
