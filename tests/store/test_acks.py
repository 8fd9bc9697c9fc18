from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from store.storehelp import FIRING, NOW, OTHER, private, store_with_alert
from wfmon.model.alert import Severity
from wfmon.store.acks import AckStore
from wfmon.store.database import Database
from wfmon.store.errors import Ambiguous, Gone, Held, StoreError
from wfmon.store.terms import AckTerms

HOUR = 3600.0


def test_an_ack_has_a_name_a_lease_and_a_comment(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    held = store.ack("abcdef012345", "joe", NOW, comment="on it")
    assert (held.ack.by, held.ack.at, held.ack.until, held.ack.comment) == ("joe", NOW, NOW + HOUR, "on it")
    assert store.acks(NOW + HOUR - 1) == (held,)
    assert store.acks(NOW + HOUR) == ()


def test_no_ack_is_longer_than_the_maximum(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    assert store.ack("abc", "joe", NOW, seconds=1e9).ack.until == NOW + 8 * HOUR


def test_it_survives_a_restart(tmp_path: Path) -> None:
    state = private(tmp_path)
    first = store_with_alert(state)
    held = first.ack("abc", "joe", NOW)
    first.close()
    again = AckStore(state)
    assert again.records(NOW + 1)[FIRING.key].ack == held.ack
    assert again.observe([replace(FIRING, id="999999999999")], NOW + 1)[FIRING.key].id == FIRING.id


def test_two_stores_agree_on_the_episode(tmp_path: Path) -> None:
    state = private(tmp_path)
    one, two = AckStore(state), AckStore(state)
    first = one.observe([FIRING], NOW)[FIRING.key]
    second = two.observe([replace(FIRING, id="999999999999", since=NOW - 10)], NOW)[FIRING.key]
    assert first == second


def test_another_persons_ack_is_refused_and_named(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.ack("abc", "joe", NOW)
    with pytest.raises(Held, match="joe has it until"):
        store.ack("abc", "ann", NOW + 1)
    with pytest.raises(Held, match="joe has it"):
        store.unack("abc", "ann", NOW + 1)
    with pytest.raises(Held, match="joe has it"):
        store.comment("abc", "ann", NOW + 1, "mine")
    assert store.ack("abc", "ann", NOW + HOUR).ack.by == "ann"


def test_the_same_person_extends(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.ack("abc", "u from 10.0.0.1 pts/2", NOW, comment="on it")
    longer = store.ack("abc", "u from 10.0.0.1 pts/7", NOW + 60, seconds=2 * HOUR).ack
    assert (longer.at, longer.until, longer.comment) == (NOW, NOW + 60 + 2 * HOUR, "on it")
    with pytest.raises(Held):
        store.ack("abc", "u from 10.0.0.2 pts/2", NOW + 61)


def test_a_comment_names_a_person_on_a_shared_login(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    held = store.ack("abc", "ubuntu from 10.0.0.1", NOW, comment="dana: restarting it")
    assert held.ack.by == "dana (ubuntu from 10.0.0.1)"
    with pytest.raises(Held, match="dana"):
        store.ack("abc", "ubuntu from 10.0.0.1", NOW, comment="joe: me too")


def test_undo_gives_it_back(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.ack("abc", "joe", NOW)
    assert store.unack("abc", "joe", NOW + 1).ack is None
    assert store.acks(NOW + 1) == ()
    with pytest.raises(Gone, match="nobody has it"):
        store.unack("abc", "joe", NOW + 2)


def test_an_undone_extension_does_not_bring_back_the_ack_before(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.ack("abc", "joe", NOW)
    store.ack("abc", "joe", NOW + 1)
    store.unack("abc", "joe", NOW + 2)
    assert store.acks(NOW + 3) == ()


def test_it_ends_with_the_episode(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.ack("abc", "joe", NOW, seconds=8 * HOUR)
    store.observe([], NOW + 60, {FIRING.key: NOW + 60})
    assert store.acks(NOW + 60) == ()
    with pytest.raises(Gone, match="is over"):
        store.ack("abc", "joe", NOW + 61)
    back = replace(FIRING, id="111111111111", since=NOW + 700)
    fresh = store.observe([back], NOW + 700)[FIRING.key]
    assert (fresh.id, fresh.ack) == ("111111111111", None)


def test_it_comes_back_with_the_episode_within_the_gap(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.ack("abc", "joe", NOW)
    store.observe([], NOW + 60, {FIRING.key: NOW + 60})
    back = store.observe([replace(FIRING, id="111111111111")], NOW + 659)[FIRING.key]
    assert (back.id, back.ended_at) == (FIRING.id, None)
    assert back.ack is not None


def test_an_episode_goes_on_while_nobody_looked(tmp_path: Path) -> None:
    state = private(tmp_path)
    store_with_alert(state).close()
    later = AckStore(state)
    assert later.observe([replace(FIRING, id="111111111111")], NOW + 5 * HOUR)[FIRING.key].id == FIRING.id
    assert (
        later.observe([replace(FIRING, id="111111111111")], NOW + 99 * HOUR)[FIRING.key].id == "111111111111"
    )


def test_who_does_not_see_it_fire_does_not_end_it_for_who_does(tmp_path: Path) -> None:
    state = private(tmp_path)
    one, two = store_with_alert(state), AckStore(state)
    two.observe([FIRING], NOW + 30)
    one.observe([], NOW + 31, {FIRING.key: NOW + 5})
    assert two.records(NOW + 31)[FIRING.key].ended_at is None


def test_ids_are_found_by_unique_prefix(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.observe([FIRING, OTHER], NOW)
    assert store.find("ABC", NOW).id == FIRING.id
    with pytest.raises(Ambiguous, match="fits 2 alerts"):
        store.find("ab", NOW)
    for nothing in ("", "   ", "fff", "%"):
        with pytest.raises(Gone):
            store.find(nothing, NOW)


def test_looking_again_writes_nothing_until_it_is_time(tmp_path: Path) -> None:
    state = private(tmp_path)
    store, other = store_with_alert(state), AckStore(state)
    other.records(NOW)
    for second in range(20):
        store.observe([FIRING], NOW + second)
    assert not other.changed()
    store.observe([FIRING], NOW + 20)
    assert other.changed()
    assert other.records(NOW + 20)[FIRING.key].last_seen_at == NOW + 20


def test_severity_is_written_at_once(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.observe([replace(FIRING, severity=Severity.CRITICAL)], NOW + 1)
    assert store.find("abc", NOW + 1).severity is Severity.CRITICAL


def test_the_trail_tells_all_and_cannot_be_changed(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = store_with_alert(state)
    store.ack("abc", "joe", NOW, comment="looking")
    store.comment("abc", "joe", NOW + 1, "found it")
    store.ack("abc", "joe", NOW + 2)
    store.unack("abc", "joe", NOW + 3)
    store.ack("abc", "ann", NOW + 4)
    store.observe([], NOW + 5, {FIRING.key: NOW + 5})
    trail = [(entry.who, entry.what, entry.comment) for entry in store.audit()]
    assert trail == [
        ("joe", "ack", "looking"),
        ("joe", "comment", "found it"),
        ("joe", "extend", "found it"),
        ("joe", "unack", ""),
        ("ann", "ack", ""),
        ("ann", "resolved", ""),
    ]
    for change in ("DELETE FROM audit", "UPDATE audit SET who = 'x'"):
        with pytest.raises(StoreError, match="append-only"):
            Database(state, "acks.db").write(lambda connection, change=change: connection.execute(change))  # type: ignore[misc]


def test_foreign_text_is_made_safe_when_read(tmp_path: Path) -> None:
    state = private(tmp_path)
    store_with_alert(state).ack("abc", "joe", NOW)
    evil = "\x1b]0;owned\x07\u202ename"
    Database(state, "acks.db").write(
        lambda connection: connection.execute("UPDATE acks SET by = ?, comment = ?", (evil, evil))
    )
    (held,) = AckStore(state).acks(NOW)
    assert not {"\x1b", "\x07", "\u202e"} & set(held.ack.by + held.ack.comment)


def test_a_row_of_another_make_is_left_out(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = store_with_alert(state)
    store.observe([FIRING, OTHER], NOW)
    Database(state, "acks.db").write(
        lambda connection: connection.execute("UPDATE episodes SET began_at = 'x' WHERE workflow = 'v'")
    )
    assert set(store.records(NOW)) == {FIRING.key}


def test_threads_share_one_store(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for turn in range(10):
                store.observe([FIRING], NOW + turn * 30)
                try:
                    store.ack("abc", name, NOW + turn)
                    store.unack("abc", name, NOW + turn)
                except (Held, Gone):
                    pass
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    trail = [entry.what for entry in store.audit()]
    assert trail.count("ack") == trail.count("unack") > 0


def test_terms_come_from_the_settings(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = AckStore(state, AckTerms(gap_seconds=5, lease_seconds=10, max_seconds=20))
    store.observe([FIRING], NOW)
    assert store.ack("abc", "joe", NOW).ack.until == NOW + 10
    assert store.ack("abc", "joe", NOW, seconds=99).ack.until == NOW + 20


@pytest.mark.parametrize("odd", [float("inf"), -1e300, 1e17, "soon", b"\x1b[2J", 2**62])
@pytest.mark.parametrize("column", ["began_at", "last_seen_at", "severity", "ended_at"])
def test_a_row_with_numbers_that_nobody_means_is_passed_over(
    tmp_path: Path, column: str, odd: object
) -> None:
    store = store_with_alert(private(tmp_path))
    store.observe([OTHER], NOW)
    store._database.write(
        lambda connection: connection.execute(
            f"UPDATE episodes SET {column} = ? WHERE workflow = 'v'", (odd,)
        )
    )
    kept = {record.workflow for record in store.records(NOW).values()}
    assert kept == ({"w", "v"} if column == "severity" and odd in (1e17, 2**62) else {"w"})
    assert store.problem is None


def test_an_audit_row_of_another_hand_is_told_safely_or_not_at_all(tmp_path: Path) -> None:
    store = store_with_alert(private(tmp_path))
    store.ack("abc", "joe", NOW)
    for at in (float("inf"), "soon", NOW):
        store._database.write(
            lambda connection: connection.execute(
                "INSERT INTO audit (at, who, what, episode, rule, labels, comment, effect) "
                "VALUES (?, x'1b', CAST(x'ff1b' AS TEXT), 7, 'r', ?, 'c', 'e')",
                (at, "[" * 5000),  # noqa: B023
            )
        )
    ours, theirs = store.audit()
    assert ours.who == "joe"
    assert theirs.what == "�␛"
    assert theirs.labels[0][0] == "unreadable"
