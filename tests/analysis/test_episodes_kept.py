"""What an episode keeps: its values, members, source, and what other hands do with it."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isclose, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.episodes import EpisodeMemory, advance, begin, ended, sightings
from wfmon.analysis.shown import alerts, told, with_ack
from wfmon.analysis.tally import NO_TALLY, counted
from wfmon.model.alert import Ack, Alert, AlertState, Finding, ForeignRef, Note, Severity
from wfmon.model.episode import EndedEpisode, EpisodeRecord, Unjudged
from wfmon.model.settings import EpisodeSettings

SETTINGS = EpisodeSettings(gap_seconds=600, resolved_keep_seconds=900)
LABELS = (("workflow", "w"),)
KEY = ("rule", LABELS)
DANA = Ack("dana", 90, 900, comment="on it", shared=True, silence="s1", via="am")
JOE = Ack("joe", 100, 3700)
RECORD = EpisodeRecord(
    "abcdef012345",
    "rule",
    LABELS,
    Severity.WARNING,
    "was 32%",
    50.0,
    False,
    1000.0,
    workflow="w",
    value=0.3,
    threshold=0.05,
    unit="usd",
    peak=0.9,
    low=0.1,
    mean=0.5,
    samples=3,
    n=7,
    failed=2,
    members=("r1",),
    contributors=("step extract",),
    source="prom",
)


def said(
    holds: bool | None, value: float | None = None, *, severity: Severity = Severity.WARNING, **more: object
) -> Finding:
    return replace(Finding("rule", LABELS, severity, holds, f"says {holds}", "w", value), **more)  # type: ignore[arg-type]


def story(
    *steps: tuple[Finding, ...], memory: EpisodeMemory | None = None, at: float = 100.0
) -> EpisodeMemory:
    """Ten seconds between two evaluations."""
    memory = memory or EpisodeMemory()
    for number, findings in enumerate(steps):
        memory = advance(memory, findings, at + 10 * number, SETTINGS)
    return memory


def only(memory: EpisodeMemory) -> Alert:
    (alert,) = alerts(memory, {}, memory.at, SETTINGS)
    return alert


def test_values_are_counted_over_the_evaluations_that_knew_one() -> None:
    memory = story(
        (said(True, 4.0),),
        (said(True, 1.0),),
        (said(True, None),),
        (said(None, 99.0),),
        (),
        (said(True, nan),),
        (said(False, 7.0, keep_seconds=600),),
    )
    alert = only(memory)
    assert (alert.low, alert.mean, alert.peak, alert.samples) == (1.0, 4.0, 7.0, 3)
    (sighting,) = sightings(memory)
    assert (sighting.low, sighting.mean, sighting.peak, sighting.samples) == (1.0, 4.0, 7.0, 3)


def test_what_begins_before_it_fires_counts_and_what_follows_the_end_does_not() -> None:
    memory = story(
        (said(True, 2.0, for_seconds=10),), (said(True, 4.0, for_seconds=10),), (said(False, 0.0),)
    )
    assert (only(memory).mean, only(memory).samples, only(memory).state) == (3.0, 2, AlertState.RESOLVED)


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), max_size=60))
def test_a_tally_is_of_the_known_values(values: list[float | None]) -> None:
    tally = NO_TALLY
    for value in values:
        tally = counted(tally, value)
    known = [value for value in values if value is not None]
    assert tally.samples == len(known)
    if known:
        assert tally.low == min(known)
        assert tally.peak == max(known)
        assert tally.mean is not None
        assert isclose(tally.mean, sum(known) / len(known), rel_tol=1e-6, abs_tol=1e-3)
        assert tally.low <= tally.mean <= tally.peak


def test_members_and_contributors_stay_with_it_while_it_is_kept_open() -> None:
    memory = story(
        (said(True, members=("r1", "r2"), contributors=("step extract",)),),
        (said(True, members=("r1", "r2", "r3")),),
        (said(False, keep_seconds=60),),
    )
    assert only(memory).members == ("r1", "r2", "r3")
    assert only(memory).contributors == ("step extract",)
    assert sightings(memory)[0].members == ("r1", "r2", "r3")
    assert sightings(memory)[0].source == "wfmon"


def test_a_stored_episode_goes_on_with_all_that_was_known() -> None:
    memory = advance(begin([RECORD], 1100), [said(None)], 1100, SETTINGS)
    alert = only(memory)
    assert (alert.state, alert.value, alert.threshold, alert.unit) == (AlertState.NO_DATA, 0.3, 0.05, "usd")
    assert (alert.low, alert.mean, alert.peak, alert.samples) == (0.1, 0.5, 0.9, 3)
    assert (alert.source, alert.members, alert.contributors) == ("prom", ("r1",), ("step extract",))
    memory = advance(memory, [said(True, 2.5, source="prom")], 1110, SETTINGS)
    assert (only(memory).low, only(memory).mean, only(memory).peak, only(memory).samples) == (
        0.1,
        1.0,
        2.5,
        4,
    )
    assert sightings(memory)[0].source == "prom"


def test_of_an_old_store_only_the_peak_is_known() -> None:
    old = replace(RECORD, low=None, mean=None, samples=0)
    memory = advance(begin([old], 1100), [said(True, 0.4)], 1100, SETTINGS)
    assert (only(memory).low, only(memory).mean, only(memory).peak, only(memory).samples) == (
        0.4,
        0.4,
        0.9,
        1,
    )


def test_an_episode_of_a_rule_that_fails_is_open_without_data() -> None:
    memory = advance(begin([RECORD], 1100), [], 1100, SETTINGS, failed=["rule"])
    assert (only(memory).id, only(memory).state) == ("abcdef012345", AlertState.NO_DATA)
    assert (memory.stored, sightings(memory), ended(memory)) == ({}, (), {})
    assert (
        alerts(advance(begin([RECORD], 1100), [], 1100, SETTINGS, failed=["other"]), {}, 1100, SETTINGS) == ()
    )
    over = replace(RECORD, ended_at=1050.0)
    assert alerts(advance(begin([over], 1100), [], 1100, SETTINGS, failed=["rule"]), {}, 1100, SETTINGS) == ()


@pytest.mark.parametrize("standing", [AlertState.SILENCED, AlertState.ACKED])
def test_what_other_hands_do_shows_until_somebody_here_takes_it(standing: AlertState) -> None:
    ref = ForeignRef(LABELS, "am", "f1")
    silenced = only(
        story((said(True, standing=standing, held=DANA, quieted="by dana", foreign=ref, source="am"),))
    )
    assert (silenced.state, silenced.ack, silenced.quieted, silenced.taken) == (
        standing,
        DANA,
        "by dana",
        True,
    )
    assert (silenced.foreign, silenced.source) == (ref, "am")
    assert with_ack(silenced, None) is silenced
    assert with_ack(silenced, DANA) is silenced, "its own silence is no ack of this house"
    mine = with_ack(silenced, JOE)
    assert (mine.state, mine.ack, mine.held, mine.standing) == (AlertState.ACKED, JOE, DANA, standing)
    assert with_ack(mine, None) == silenced


def test_inhibited_is_held_by_nobody() -> None:
    alert = only(story((said(True, standing=AlertState.INHIBITED, quieted="by NodeDown"),)))
    assert (alert.state, alert.ack, alert.quieted) == (AlertState.INHIBITED, None, "by NodeDown")


def test_a_snooze_is_told_as_such() -> None:
    firing = only(story((said(True),)))
    snoozed = with_ack(firing, replace(JOE, snooze=True))
    assert (snoozed.state, snoozed.taken) == (AlertState.SNOOZED, True)
    assert with_ack(snoozed, JOE).state is AlertState.ACKED
    assert with_ack(snoozed, None) == firing


def test_without_data_nothing_is_quieted_by_other_hands() -> None:
    memory = story((said(True, standing=AlertState.SILENCED, held=DANA),), (said(None),))
    blind = only(memory)
    assert (blind.state, blind.ack, blind.taken) == (AlertState.NO_DATA, None, False)
    assert with_ack(blind, JOE).state is AlertState.ACKED
    over = only(story((said(True, standing=AlertState.SILENCED, held=DANA),), (said(False, clears=True),)))
    assert (over.state, over.ack) == (AlertState.RESOLVED, None)


def test_pending_elsewhere_stays_pending_and_is_not_unknown() -> None:
    memory = story(*[(said(True, for_seconds=inf),)] * 5)
    assert only(memory).state is AlertState.PENDING
    assert (sightings(memory), memory.unjudged) == ((), ())
    memory = advance(memory, [said(True)], 200, SETTINGS)
    assert (only(memory).state, only(memory).since) == (AlertState.FIRING, 100)


def test_pending_elsewhere_after_it_fired_has_ended() -> None:
    memory = story((said(True),), (said(True, for_seconds=inf),))
    assert only(memory).state is AlertState.RESOLVED
    assert ended(memory) == {KEY: 110}
    memory = advance(memory, [said(True)], 120, SETTINGS)
    assert (only(memory).state, only(memory).flaps) == (AlertState.FIRING, 1)


def test_pending_elsewhere_long_after_an_end_is_shown_as_pending() -> None:
    memory = story((said(True),), (said(False, clears=True),))
    for at in range(200, 3000, 100):
        memory = advance(memory, [said(True, for_seconds=inf)], at, SETTINGS)
    assert (only(memory).state, only(memory).ended_at) == (AlertState.PENDING, None)


def test_what_its_source_no_longer_lists_resolves_at_once() -> None:
    memory = story((said(True, keep_seconds=600, source="prom"),), (said(False, clears=True, source="prom"),))
    assert (only(memory).state, only(memory).ended_at, only(memory).source) == (
        AlertState.RESOLVED,
        110,
        "prom",
    )


def test_a_lower_level_that_waits_takes_over_from_a_higher_one_that_ends() -> None:
    critical = said(True, severity=Severity.CRITICAL)
    memory = story((said(True, for_seconds=300), critical))
    memory = advance(
        memory, [said(True, for_seconds=300), said(False, severity=Severity.CRITICAL)], 110, SETTINGS
    )
    assert (only(memory).state, only(memory).severity) == (AlertState.FIRING, Severity.WARNING)
    assert ended(memory) == {}


def test_a_rule_that_learns_is_quiet_and_not_unknown() -> None:
    learning = said(False, learning=True, summary="no baseline (n=7)")
    memory = story((learning,))
    assert memory.unjudged == (Unjudged(KEY, "w", "no baseline (n=7)", learning=True),)
    unknown = said(None, severity=Severity.CRITICAL, summary="no data")
    assert story((learning, unknown)).unjudged == (Unjudged(KEY, "w", "no data"),)
    assert story((said(True),), (said(False, learning=True, keep_seconds=60),)).unjudged == ()


def test_what_was_checked_is_counted_once_per_rule_and_labels() -> None:
    other = said(False, labels=(("workflow", "v"),))
    memory = story((said(True), said(False, severity=Severity.CRITICAL), other))
    assert memory.checked == 2


def test_an_ended_episode_tells_all_that_was_kept() -> None:
    note = Note("joe", 700.0, "disk swapped")
    alert = told(EndedEpisode(replace(RECORD, ended_at=900.0, notes=(note,)), ("joe",)))
    assert (alert.low, alert.mean, alert.peak, alert.samples) == (0.1, 0.5, 0.9, 3)
    assert (alert.members, alert.contributors, alert.source) == (("r1",), ("step extract",), "prom")
    assert (alert.notes, alert.had, alert.state) == ((note,), ("joe",), AlertState.RESOLVED)
