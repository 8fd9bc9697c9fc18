"""What a viewer sees of a snapshot: acks of a real store laid over it, what ended, the sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from support.snapshots import NOW, all_fine, incident
from wfmon.model.action import AcceptNormal, AckAlert, CommentAck, UnackAlert
from wfmon.model.alert import AlertState, Severity
from wfmon.model.episode import Sighting
from wfmon.model.snapshot import Level, Snapshot, Totals
from wfmon.monitor.presenter import ENDED_LIMIT, NOT_JUDGED, Presenter, _sayable_cost
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir

ID = "abcdef012345"
FIRING = Sighting(
    ID,
    "failure_rate",
    (("workflow", "w"),),
    Severity.CRITICAL,
    "32%",
    NOW - 600,
    False,
    "w",
    value=0.32,
    threshold=0.05,
    peak=0.41,
    n=250,
    failed=80,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AckStore]:
    store = AckStore(StateDir(tmp_path))
    store.observe([FIRING], NOW)
    yield store
    store.close()


def bare() -> Snapshot:
    """As a collector publishes it: one alert that fires, and nobody knows who has it."""
    base = incident()
    alert = next(each for each in base.alerts if each.rule == "failure_rate")
    alert = replace(alert, id=ID, state=AlertState.FIRING, ack=None, workflow="w")
    return replace(base, alerts=(alert,), verdict=NOT_JUDGED, ended=(), acks_shared=False)


def test_an_ack_shows_at_once_and_ends_by_itself(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    snapshot = bare()
    first = presenter.present(snapshot, NOW)
    assert first.alerts[0] is snapshot.alerts[0]
    assert "private to joe" in first.verdict.text
    assert presenter.act(AckAlert(ID, "joe", 600, "on it"), NOW).ok
    taken = presenter.present(snapshot, NOW)
    assert (taken.alerts[0].state, taken.alerts[0].ack and taken.alerts[0].ack.by) == (
        AlertState.ACKED,
        "joe",
    )
    assert "joe has it until" in taken.verdict.text
    assert presenter.present(taken, NOW) == taken
    over = presenter.present(snapshot, NOW + 600)
    assert (over.alerts[0].state, over.alerts[0].ack) == (AlertState.FIRING, None)


def test_an_ack_of_a_snapshot_that_the_store_does_not_know_is_taken_off(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    presenter.act(AckAlert(ID, "joe"), NOW)
    published = presenter.present(bare(), NOW)
    presenter.act(UnackAlert(ID, "joe"), NOW)
    assert presenter.present(published, NOW + 1).alerts[0].state is AlertState.FIRING


def test_what_did_not_change_is_the_same_object(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    presenter.act(AckAlert(ID, "joe"), NOW)
    past = replace(FIRING, id="999999999999", labels=(("workflow", "v"),))
    store.observe([past], NOW)
    store.observe([], NOW + 1, {past.key: NOW + 1})
    snapshot = bare()
    first = presenter.present(snapshot, NOW)
    assert first.ended
    other = AckStore(StateDir(store._state.path))
    other.accept("elsewhere", "eva", NOW, NOW)  # the file changed, this alert did not
    second = presenter.present(replace(snapshot, at=NOW + 1), NOW + 1)
    assert second.alerts is first.alerts
    assert second.ended is first.ended
    assert second.verdict == first.verdict


def test_a_quiet_sentence_does_not_change(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    said = {
        presenter.present(replace(all_fine(), rules_checked_at=NOW + s), NOW + s).verdict.text
        for s in range(50)
    }
    assert len(said) == 1


def test_what_cannot_be_saved_is_said_at_the_alert(tmp_path: Path, store: AckStore) -> None:
    presenter = Presenter(AckStore(StateDir(tmp_path), read_only=True), "joe", UTC)
    snapshot = bare()
    outcome = presenter.act(AckAlert(ID, "joe"), NOW)
    assert (outcome.ok, outcome.message) == (False, "NOT SAVED: started with --read-only")
    shown = presenter.present(snapshot, NOW)
    assert shown.alerts[0].unsaved == "started with --read-only"
    assert shown.store_problem is None
    assert shown.alerts[0].state is AlertState.FIRING


def test_where_the_store_cannot_be_read_the_collectors_acks_are_better_than_nothing(
    tmp_path: Path, store: AckStore
) -> None:
    presenter = Presenter(store, "joe", UTC)
    presenter.act(AckAlert(ID, "joe"), NOW)
    published = presenter.present(bare(), NOW)
    store.close()
    connection = sqlite3.connect(tmp_path / "acks.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    shown = Presenter(AckStore(StateDir(tmp_path)), "eva", UTC).present(published, NOW + 1)
    assert shown.alerts[0].state is AlertState.ACKED
    assert "newer wfmon-tui" in (shown.store_problem or "")


def test_what_ended_is_told_for_twelve_hours_with_who_had_it(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    presenter.act(AckAlert(ID, "joe"), NOW)
    assert presenter.present(bare(), NOW).ended == ()
    store.observe([], NOW + 60, {FIRING.key: NOW + 60})
    after = replace(bare(), alerts=())
    (alert,) = presenter.present(after, NOW + 61).ended
    assert (alert.state, alert.had, alert.peak, alert.n, alert.ended_at) == (
        AlertState.RESOLVED,
        ("joe",),
        0.41,
        250,
        NOW + 60,
    )
    assert presenter.present(after, NOW + 3600).ended[0] is alert
    assert presenter.present(after, NOW + 60 + 12 * 3600).ended == ()


def test_what_ended_is_listed_newest_first_and_bounded(store: AckStore) -> None:
    many = [replace(FIRING, id=f"{i:012x}", labels=(("workflow", f"w{i}"),)) for i in range(60)]
    store.observe(many, NOW)
    store.observe([], NOW + 100, {each.key: NOW + 1 + i for i, each in enumerate(many)})
    ended = Presenter(store, "joe", UTC).present(replace(bare(), alerts=()), NOW + 100).ended
    assert len(ended) == ENDED_LIMIT
    assert [alert.ended_at for alert in ended] == [NOW + 60 - i for i in range(ENDED_LIMIT)]


def test_what_only_the_snapshot_knows_as_ended_is_told_too(tmp_path: Path) -> None:
    state = StateDir(tmp_path, problem="not writable")
    over = replace(bare().alerts[0], state=AlertState.RESOLVED, ended_at=NOW - 30)
    shown = Presenter(AckStore(state), "joe", UTC).present(replace(bare(), alerts=(over,)), NOW)
    assert shown.ended == (over,)


def test_a_new_normal_begins_where_the_fault_began(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    assert presenter.act(AcceptNormal("w", "joe"), NOW).ok
    assert presenter.act(AcceptNormal("other", "joe"), NOW).ok
    assert store.accepted()["w"].since == NOW - 600
    assert store.accepted()["other"].since == NOW
    assert [entry.what for entry in store.audit()] == ["accept normal", "accept normal"]


def test_a_note_on_what_nobody_has_is_refused_in_words(store: AckStore) -> None:
    outcome = Presenter(store, "joe", UTC).act(CommentAck(ID, "joe", "x"), NOW)
    assert (outcome.ok, outcome.message) == (False, f"{ID}: nobody has it")


def test_a_monitor_that_failed_is_the_verdict(store: AckStore) -> None:
    shown = Presenter(store, "joe", UTC).present(replace(bare(), broken="it failed"), NOW)
    assert (shown.verdict.level, shown.verdict.text) == (Level.UNKNOWN, "it failed")


@pytest.mark.parametrize(("seen", "said"), [(0.5, None), (None, None), (9.9, None), (10.0, 4.2)])
def test_a_price_per_hour_needs_some_seconds(seen: float | None, said: float | None) -> None:
    totals = Totals(cost_usd_per_hour=4.2, rate_window_seconds=seen)
    assert _sayable_cost(totals) == said
