"""What a viewer sees of a snapshot: acks of a real store laid over it, what ended, the sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from support.snapshots import NOW, all_fine, incident
from wfmon.model.action import (
    AcceptNormal,
    AckAlert,
    AddNote,
    CommentAck,
    ShareAck,
    SnoozeAlert,
    UnackAlert,
)
from wfmon.model.alert import Ack, Alert, AlertState, ForeignRef, Severity
from wfmon.model.episode import Sighting
from wfmon.model.money import Money
from wfmon.model.snapshot import Cost, Level, Snapshot, Totals
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


def notes(store: AckStore) -> list[tuple[str, str]]:
    return [(entry.what, entry.comment) for entry in store.audit()]


def test_a_comment_on_what_nobody_has_is_kept_as_a_note(store: AckStore) -> None:
    outcome = Presenter(store, "joe", UTC).act(CommentAck(ID, "joe", "x"), NOW)
    assert (outcome.ok, outcome.message) == (True, f"kept as a note to failure_rate: {ID}: nobody has it")
    assert notes(store) == [("note", "x")]


def test_a_comment_on_what_somebody_else_took_meanwhile_is_kept_as_a_note(store: AckStore) -> None:
    store.ack(ID, "ann", NOW, seconds=600, comment="")
    outcome = Presenter(store, "joe", UTC).act(CommentAck(ID, "joe", "x"), NOW + 1)
    assert outcome.ok
    assert outcome.message.startswith("kept as a note to failure_rate: ")
    assert "ann" in outcome.message
    assert notes(store)[1:] == [("note", "x")]


def test_a_comment_typed_while_its_alert_ends_is_kept_as_a_note(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    assert presenter.act(AckAlert(ID, "joe"), NOW).ok
    store.observe([], NOW + 5, {FIRING.key: NOW + 5})
    outcome = presenter.act(CommentAck(ID, "joe", "half a comment"), NOW + 9)
    assert outcome.ok
    assert outcome.message.startswith(f"kept as a note to failure_rate: {ID} is over: ended ")
    assert notes(store)[-1] == ("note", "half a comment")


def test_a_monitor_that_failed_is_the_verdict(store: AckStore) -> None:
    shown = Presenter(store, "joe", UTC).present(replace(bare(), broken="it failed"), NOW)
    assert (shown.verdict.level, shown.verdict.text) == (Level.UNKNOWN, "it failed")


@pytest.mark.parametrize(("seen", "said"), [(0.5, None), (None, None), (9.9, None), (10.0, 4.2)])
def test_a_price_per_hour_needs_some_seconds(seen: float | None, said: float | None) -> None:
    snapshot = replace(bare(), totals=Totals(rate_window_seconds=seen), cost=Cost(burn=Money(exact=4.2)))
    assert _sayable_cost(snapshot).least == said


def shown(presenter: Presenter, snapshot: Snapshot, at: float) -> Alert:
    return presenter.present(snapshot, at).alerts[0]


def test_a_snooze_shows_until_its_end_and_until_it_is_resolved(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    snapshot = bare()
    said = presenter.act(SnoozeAlert(ID, "joe", 900.0), NOW)
    assert said.ok
    assert "is put off until" in said.message
    assert shown(presenter, snapshot, NOW + 899).state is AlertState.SNOOZED
    assert shown(presenter, snapshot, NOW + 900).state is AlertState.FIRING
    assert "until it is resolved" in presenter.act(SnoozeAlert(ID, "joe", None), NOW + 901).message
    later = shown(presenter, snapshot, NOW + 80_000)
    assert (later.state, later.ack and later.ack.until_resolved) == (AlertState.SNOOZED, True)
    assert presenter.act(UnackAlert(ID, "joe"), NOW + 902).ok
    assert shown(presenter, snapshot, NOW + 902).state is AlertState.FIRING


def test_a_note_needs_no_ack_and_stays_when_it_is_over(store: AckStore) -> None:
    presenter, other = Presenter(store, "joe", UTC), AckStore(StateDir(store._state.path))
    snapshot = bare()
    first = shown(presenter, snapshot, NOW)
    assert presenter.act(AddNote(ID, "joe", "restarted the worker"), NOW).message == "note saved"
    other.note(ID, "ann", NOW + 1, "it was the disk")
    noted = shown(presenter, snapshot, NOW + 1)
    assert [(note.by, note.text) for note in noted.notes] == [
        ("joe", "restarted the worker"),
        ("ann", "it was the disk"),
    ]
    assert replace(noted, notes=()) == first
    assert shown(presenter, snapshot, NOW + 2) is noted
    assert not presenter.act(AddNote(ID, "joe", "  "), NOW).ok
    store.observe([], NOW + 60, {FIRING.key: NOW + 60})
    (over,) = presenter.present(replace(snapshot, alerts=()), NOW + 61).ended
    assert len(over.notes) == 2


def test_what_cannot_be_shared_is_refused_in_words_and_nothing_is_changed(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    snapshot = bare()
    here = ForeignRef((("alertname", "X"),), "am")
    for foreign, words in (
        (None, "no Alertmanager has this alert"),
        (replace(here, alertmanager=None), "no Alertmanager has this alert"),
        (here, "am has no allow_write"),
    ):
        alert = replace(snapshot.alerts[0], foreign=foreign)
        presenter.present(replace(snapshot, alerts=(alert,)), NOW)
        said = presenter.act(ShareAck(ID, "joe"), NOW)
        assert not said.ok
        assert words in said.message
    assert store.acks(NOW) == ()
    assert store.audit() == ()


def test_sharing_acks_at_once_and_asks_and_undoing_takes_both_back(store: AckStore) -> None:
    presenter = Presenter(store, "joe", UTC)
    foreign = ForeignRef((("alertname", "X"), ("job", "w")), "am", writable=True)
    snapshot = bare()
    snapshot = replace(snapshot, alerts=(replace(snapshot.alerts[0], foreign=foreign),))
    presenter.present(snapshot, NOW)
    assert presenter.act(ShareAck(ID, "joe", "on it"), NOW).ok
    asked = shown(presenter, snapshot, NOW)
    assert asked.state is AlertState.ACKED
    assert asked.ack is not None
    assert (asked.ack.comment, asked.ack.shared, asked.ack.via, asked.ack.silence) == (
        "on it",
        False,
        "am",
        None,
    )

    def share(assignments: str) -> None:
        store._database.write(lambda connection: connection.execute(f"UPDATE shares SET {assignments}"))

    share("state = 'held', silence = '7d5-1'")
    held = shown(presenter, snapshot, NOW + 1).ack
    assert held is not None
    assert (held.shared, held.via, held.silence, held.problem) == (True, "am", "7d5-1", None)
    share("state = 'lost', problem = 'ann changed the silence'")
    lost = shown(presenter, snapshot, NOW + 2).ack
    assert lost is not None
    assert (lost.shared, lost.silence, lost.problem) == (False, None, "ann changed the silence")
    assert presenter.act(ShareAck(ID, "joe"), NOW + 3).ok
    assert presenter.act(UnackAlert(ID, "joe"), NOW + 4).ok
    assert shown(presenter, snapshot, NOW + 4).state is AlertState.FIRING
    states = store._database.read(lambda c: c.execute("SELECT state FROM shares ORDER BY number").fetchall())
    assert states == [("lost",), ("releasing",)]
    assert presenter.act(AckAlert(ID, "joe"), NOW + 5).ok
    assert [entry.what for entry in store.audit()] == ["ack", "ask to share", "ask to share", "unack", "ack"]


def test_what_was_taken_back_mutes_nothing_though_the_collector_has_not_looked_since(store: AckStore) -> None:
    silence = "eebb5acf-45ef-49b3-8f36-65f009c6e22e"
    snapshot = bare()
    held = Ack("joe", NOW, NOW + 600, shared=True, silence=silence, via="am")
    muted = replace(
        snapshot.alerts[0], state=AlertState.ACKED, standing=AlertState.ACKED, held=held, ack=held
    )
    snapshot = replace(snapshot, alerts=(muted,))
    presenter = Presenter(store, "joe", UTC)
    assert presenter.present(snapshot, NOW).alerts[0].state is AlertState.ACKED
    _taken_back(store, silence)
    shown = presenter.present(snapshot, NOW)
    (alert,) = shown.alerts
    assert (alert.state, alert.ack, alert.held, alert.standing) == (AlertState.FIRING, None, None, None)
    assert "joe has it" not in shown.verdict.text
    assert presenter.present(snapshot, NOW).alerts[0] is alert
    other = replace(muted, held=replace(held, silence="another"), ack=replace(held, silence="another"))
    assert presenter.present(replace(snapshot, alerts=(other,)), NOW).alerts[0] is other


def _taken_back(store: AckStore, silence: str) -> None:
    """As the collector leaves the row of a share when its silence is gone."""
    store.share(ID, "joe", NOW, "am", (("alertname", "X"),))
    store.unack(ID, "joe", NOW)
    store._database.write(
        lambda connection: connection.execute("UPDATE shares SET state = 'released', silence = ?", (silence,))
    )


def test_a_note_that_cannot_be_saved_is_told_and_no_ack_is_called_unsaved(tmp_path: Path) -> None:
    presenter = Presenter(AckStore(StateDir(tmp_path, problem="disk full")), "joe", UTC)
    snapshot = bare()
    for action in (AddNote(ID, "joe", "x"), SnoozeAlert(ID, "joe", 60.0)):
        said = presenter.act(action, NOW)
        assert (said.ok, said.message) == (False, "NOT SAVED: disk full")
        unsaved = shown(presenter, snapshot, NOW)
        assert unsaved.state is AlertState.FIRING
        assert unsaved.unsaved == (None if isinstance(action, AddNote) else "disk full")
