"""Snoozes, notes, and what ends an ack before its time or at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from store.storehelp import FIRING, NOW, fill, needs_root, private, store_with_alert
from wfmon.model.alert import Severity
from wfmon.model.episode import Sighting
from wfmon.model.settings import WakeSettings
from wfmon.store.acks import AckStore
from wfmon.store.database import Database
from wfmon.store.errors import AckError, Gone, Held, StoreError
from wfmon.store.paths import state_dir
from wfmon.store.rows import MEMBERS
from wfmon.store.terms import AckTerms

HOUR = 3600.0
COSTS = replace(FIRING, value=4.2, unit="usd", members=("run-1", "run-2"))


def holder(store: AckStore, now: float) -> str | None:
    ack = store.records(now)[FIRING.key].ack
    return None if ack is None else ack.by


def told(store: AckStore) -> list[tuple[str, str, str]]:
    return [(entry.who, entry.what, entry.comment) for entry in store.audit()]


@pytest.fixture
def store(tmp_path: Path) -> AckStore:
    made = AckStore(private(tmp_path))
    made.observe([COSTS], NOW)
    return made


def test_a_snooze_has_an_end_and_is_never_longer_than_the_maximum(store: AckStore) -> None:
    off = store.snooze("abc", "joe", NOW, 4 * HOUR, "after lunch")
    assert (off.ack.snooze, off.ack.until, off.ack.comment) == (True, NOW + 4 * HOUR, "after lunch")
    assert store.snooze("abc", "joe", NOW + 1, 1e9).ack.until == NOW + 1 + 8 * HOUR
    with pytest.raises(AckError, match="end in the future"):
        store.snooze("abc", "joe", NOW, 0.0)


def test_until_resolved_has_no_end_but_that_of_the_episode(store: AckStore) -> None:
    off = store.snooze("abc", "joe", NOW, None)
    assert (off.ack.until, off.ack.until_resolved) == (None, True)
    for hour in range(40):
        store.observe([COSTS], NOW + hour * HOUR)
    assert holder(store, NOW + 40 * HOUR) == "joe"
    store.observe([], NOW + 40 * HOUR, {COSTS.key: NOW + 40 * HOUR})
    assert store.acks(NOW + 40 * HOUR) == ()
    back = store.observe([replace(COSTS, id="111111111111")], NOW + 41 * HOUR)[COSTS.key]
    assert (back.id, back.ack) == ("111111111111", None)


def test_what_one_has_one_may_put_off_and_take_again_but_not_what_another_has(store: AckStore) -> None:
    store.ack("abc", "joe", NOW, comment="on it")
    off = store.snooze("abc", "joe", NOW + 5, 900).ack
    assert (off.at, off.comment, off.snooze) == (NOW + 5, "on it", True)
    with pytest.raises(Held, match="joe has it until"):
        store.snooze("abc", "ann", NOW + 6, 900)
    with pytest.raises(Held, match="joe has it until"):
        store.ack("abc", "ann", NOW + 6)
    with pytest.raises(Held, match="joe has it until"):
        store.share("abc", "ann", NOW + 6, "am", ())
    again = store.ack("abc", "joe", NOW + 7).ack
    assert (again.at, again.snooze) == (NOW + 7, False)
    store.snooze("abc", "joe", NOW + 8, None)
    assert store.unack("abc", "joe", NOW + 9).id == FIRING.id
    assert store.acks(NOW + 9) == ()
    assert [what for _, what, _ in told(store)] == ["ack", "snooze", "ack", "snooze", "unsnooze"]


def test_a_snooze_of_a_shared_login_names_a_person(store: AckStore) -> None:
    off = store.snooze("abc", "ubuntu from 10.0.0.1", NOW, 900, "dana: tomorrow")
    assert off.ack.by == "dana (ubuntu from 10.0.0.1)"
    with pytest.raises(Held, match="dana"):
        store.snooze("abc", "ubuntu from 10.0.0.1", NOW, 900, "joe: mine")


WORSE = [
    (replace(COSTS, severity=Severity.CRITICAL), "severity rose (warning → critical)"),
    (replace(COSTS, value=9.1), "value doubled ($4.20 → $9.10)"),
    (replace(COSTS, value=8.4), "value doubled ($4.20 → $8.40)"),
    (replace(COSTS, members=("run-1", "run-2", "run-3")), "run-3 joined"),
    (replace(COSTS, members=("run-3", "run-4", "run-5")), "run-3 and 2 more joined"),
]


@pytest.mark.parametrize("snooze", [False, True])
@pytest.mark.parametrize(("sighting", "why"), WORSE)
def test_it_wakes_when_it_gets_worse_and_stays_awake(
    store: AckStore, tmp_path: Path, sighting: Sighting, why: str, snooze: bool
) -> None:
    reader = AckStore(private(tmp_path))
    if snooze:
        store.snooze("abc", "joe", NOW, None)
    else:
        store.ack("abc", "joe", NOW)
    assert holder(reader, NOW) == "joe"
    store.observe([sighting], NOW + 5)
    assert holder(store, NOW + 5) is None
    assert holder(reader, NOW + 5) is None
    store.observe([COSTS], NOW + 10)
    assert holder(store, NOW + 10) is None
    woke = store.audit()[-1]
    assert (woke.who, woke.what, woke.comment) == ("wfmon", "woke", why)
    assert woke.effect == f"{'snooze' if snooze else 'ack'} of joe ended"
    (undone,) = store._database.read(
        lambda connection: connection.execute("SELECT undone_by FROM acks").fetchall()
    )
    assert undone == (f"wfmon: {why}",)
    assert store.ack("abc", "ann", NOW + 11).ack.by == "ann"


@pytest.mark.parametrize(
    "sighting",
    [
        COSTS,
        replace(COSTS, value=8.39),
        replace(COSTS, value=None),
        replace(COSTS, value=1.0, members=("run-2",)),
        replace(COSTS, severity=Severity.INFO, members=()),
    ],
)
def test_it_sleeps_on_while_it_is_no_worse(store: AckStore, sighting: Sighting) -> None:
    store.ack("abc", "joe", NOW)
    store.observe([sighting], NOW + 5)
    store.observe([sighting], NOW + 30)
    assert holder(store, NOW + 30) == "joe"


def test_it_is_held_against_what_it_was_when_it_was_taken_last(store: AckStore) -> None:
    store.ack("abc", "joe", NOW)
    store.observe([replace(COSTS, value=8.0)], NOW + 5)
    store.ack("abc", "joe", NOW + 6)
    store.observe([replace(COSTS, value=15.9)], NOW + 10)
    assert holder(store, NOW + 10) == "joe"
    store.observe([replace(COSTS, value=16.0)], NOW + 15)
    assert holder(store, NOW + 15) is None


def test_who_takes_it_takes_it_as_it_is_shown(store: AckStore) -> None:
    """A value that moved, or a member that came, is written at once: the next to look may take it."""
    store.observe([replace(COSTS, value=8.0, members=("run-1", "run-2", "run-3"))], NOW + 1)
    store.ack("abc", "joe", NOW + 2)
    store.observe([replace(COSTS, value=9.0, members=("run-1", "run-2", "run-3"))], NOW + 5)
    assert holder(store, NOW + 5) == "joe"


def test_data_that_come_back_worse_wake_though_nothing_doubled(store: AckStore) -> None:
    store.ack("abc", "joe", NOW)
    store.observe([replace(COSTS, value=5.0)], NOW + 20)
    assert holder(store, NOW + 20) == "joe", "it was seen all the time"
    store.observe([replace(COSTS, value=5.1)], NOW + 300)
    assert holder(store, NOW + 300) == "joe", "no worse than when it was last seen"
    store.observe([replace(COSTS, value=5.6)], NOW + 600)
    assert holder(store, NOW + 600) is None
    assert told(store)[-1] == ("wfmon", "woke", "came back worse ($4.20 → $5.60)")


@pytest.mark.parametrize(("rule", "value"), [("source_down", 130.0), ("stall", 700.0), ("silence", 1500.0)])
def test_that_it_lasts_wakes_nobody(store: AckStore, rule: str, value: float) -> None:
    """Nor does a restart of the collector, in which nobody looked for a while."""
    lasts = replace(COSTS, id="5ec0d5000000", rule=rule, unit="seconds", value=value)
    store.observe([lasts], NOW)
    store.ack("5ec0", "joe", NOW)
    for later in (20.0, 90.0, 900.0, 3000.0):
        store.observe([replace(lasts, value=value + later)], NOW + later)
        held = store.records(NOW + later)[lasts.key].ack
        assert held is not None, later
        assert held.by == "joe"
    assert [what for _, what, _ in told(store)] == ["ack"]


def test_what_wakes_is_a_setting(tmp_path: Path) -> None:
    quiet = WakeSettings(severity=False, value_factor=None, member=False)
    store = AckStore(private(tmp_path), AckTerms(wake=quiet))
    store.observe([COSTS], NOW)
    store.ack("abc", "joe", NOW)
    for number, (sighting, _) in enumerate(WORSE):
        store.observe([sighting], NOW + 100 * number)
    assert holder(store, NOW + 500) == "joe"
    thrice = AckStore(private(tmp_path), AckTerms(wake=WakeSettings(value_factor=3.0)))
    thrice.ack("abc", "joe", NOW + 500)
    thrice.observe([replace(COSTS, value=99.0)], NOW + 501)
    assert told(thrice)[-1][2].startswith("value 3 times as high (")


def test_a_full_list_of_members_hides_who_is_new(store: AckStore) -> None:
    many = tuple(f"run-{number:03}" for number in range(200))
    store.observe([replace(COSTS, members=many)], NOW + 1)
    assert len(store.records(NOW + 1)[COSTS.key].members) == MEMBERS
    store.ack("abc", "joe", NOW + 2)
    store.observe([replace(COSTS, members=many[10:])], NOW + 3)
    assert holder(store, NOW + 3) == "joe"


def test_an_ack_of_an_older_version_wakes_by_what_is_known_of_it(store: AckStore) -> None:
    store.ack("abc", "joe", NOW)
    store._database.write(
        lambda connection: connection.execute("UPDATE acks SET severity = NULL, value = NULL, members = NULL")
    )
    store.observe([replace(COSTS, value=99.0, severity=Severity.CRITICAL, members=("x",))], NOW + 5)
    assert holder(store, NOW + 5) == "joe"


def test_running_out_is_told_once_and_by_the_collector(store: AckStore, tmp_path: Path) -> None:
    reader = AckStore(private(tmp_path))
    store.ack("abc", "joe", NOW, seconds=60)
    assert holder(reader, NOW + 60) is None
    assert told(reader) == [("joe", "ack", "")]
    for second in (60, 61, 90):
        store.observe([COSTS], NOW + second)
    assert told(store) == [("joe", "ack", ""), ("wfmon", "expired", "")]
    assert store.audit()[-1].at == NOW + 60
    assert store.audit()[-1].effect == "ack of joe ended"
    assert holder(store, NOW + 1) is None, "also by a clock that went back"
    store.snooze("abc", "ann", NOW + 100, 60)
    store.snooze("abc", "eve", NOW + 200, 60)
    assert told(store)[-2:] == [("wfmon", "expired", ""), ("eve", "snooze", "")]


def test_two_collectors_tell_it_once(store: AckStore, tmp_path: Path) -> None:
    other = AckStore(private(tmp_path))
    store.ack("abc", "joe", NOW, seconds=60)
    other.observe([COSTS], NOW + 1)
    for each in (store, other, store):
        each.observe([COSTS], NOW + 61)
    assert [what for _, what, _ in told(store)] == ["ack", "expired"]


def test_what_ran_out_or_woke_takes_its_share_back(store: AckStore) -> None:
    def states() -> list[str]:
        found = store._database.read(
            lambda connection: connection.execute("SELECT state FROM shares ORDER BY number").fetchall()
        )
        return [state for (state,) in found]

    store.share("abc", "joe", NOW, "am", (("alertname", "X"),), "on it")
    assert states() == ["asked"]
    store.observe([replace(COSTS, value=99.0)], NOW + 5)
    assert states() == ["releasing"]
    store._database.write(lambda connection: connection.execute("UPDATE shares SET state = 'released'"))
    store.share("abc", "joe", NOW + 10, "am", (("alertname", "X"),))
    store.observe([replace(COSTS, value=99.0)], NOW + 10 + HOUR)
    assert states() == ["released", "releasing"]


def test_sharing_what_one_has_leaves_it_as_it_is(store: AckStore) -> None:
    store.ack("abc", "joe", NOW, seconds=8 * HOUR, comment="on it")
    shared = store.share("abc", "joe", NOW + 60, "am", (("alertname", "X"),)).ack
    assert (shared.until, shared.comment, shared.via, shared.shared) == (NOW + 8 * HOUR, "on it", "am", False)
    assert store.share("abc", "joe", NOW + 61, "am", (), "still").ack.comment == "still"
    assert [entry.effect for entry in store.audit() if entry.what == "ask to share"] == ["asked am"] * 2


def test_anybody_may_write_a_note_and_nobody_may_change_one(store: AckStore, tmp_path: Path) -> None:
    store.ack("abc", "joe", NOW)
    store.note("abc", "ann", NOW + 1, "it is the disk\x1b]0;x\x07")
    store.note("abc", "joe", NOW + 2, "n" * 5000)
    record = AckStore(private(tmp_path)).records(NOW + 3)[COSTS.key]
    assert [note.by for note in record.notes] == ["ann", "joe"]
    assert "\x1b" not in record.notes[0].text
    assert len(record.notes[1].text) == 2000
    assert holder(store, NOW + 3) == "joe"
    assert [entry.what for entry in store.audit()] == ["ack", "note", "note"]
    with pytest.raises(AckError, match="needs a text"):
        store.note("abc", "joe", NOW, " \n")
    for change in ("DELETE FROM notes", "UPDATE notes SET by = 'x'"):
        with pytest.raises(StoreError, match="append-only"):
            Database(private(tmp_path), "acks.db").write(
                lambda connection, change=change: connection.execute(change)  # type: ignore[misc]
            )


def test_what_is_over_takes_notes_by_its_whole_id(store: AckStore) -> None:
    store.observe([], NOW + 60, {COSTS.key: NOW + 60})
    with pytest.raises(Gone, match="is over"):
        store.note("abc", "joe", NOW + 61, "it was the disk")
    store.note(FIRING.id, "joe", NOW + 61, "it was the disk")
    assert store.ended(NOW)[0].record.notes[0].text == "it was the disk"


def test_of_a_flood_of_notes_the_newest_are_told(store: AckStore) -> None:
    store._database.write(
        lambda connection: connection.executemany(
            "INSERT INTO notes (episode, by, at, text) VALUES (?, 'x', 1, ?)",
            [(FIRING.id, str(number)) for number in range(500)],
        )
    )
    notes = store.records(NOW)[COSTS.key].notes
    assert [note.text for note in notes] == [str(number) for number in range(450, 500)]


@needs_root
def test_on_a_full_disk_who_had_it_is_awake_all_the_same(small_disk: Path) -> None:
    state = state_dir(str(small_disk), {})
    store = store_with_alert(state)
    store.observe([COSTS], NOW)
    store.ack("abc", "joe", NOW)
    (small_disk / "acks.db.ballast").unlink()
    fill(small_disk)
    for turn in range(1, 100):  # what SQLite had reserved is used up first
        store.observe([COSTS], NOW + 30 * turn)
    worse = replace(COSTS, severity=Severity.CRITICAL)
    store.observe([worse], NOW + 3000)
    assert store.problem == "disk full"
    assert holder(store, NOW + 3000) is None
    (small_disk / "filler").unlink()
    store.observe([worse], NOW + 3005)
    assert store.problem is None
    assert told(store)[-1][1] == "woke"


@needs_root
def test_a_snooze_or_note_on_a_full_disk_takes_the_ballast_or_is_told(small_disk: Path) -> None:
    store = store_with_alert(state_dir(str(small_disk), {}))
    fill(small_disk)
    assert store.snooze("abc", "joe", NOW, None).ack.snooze
    assert not (small_disk / "acks.db.ballast").exists()
    fill(small_disk)
    saved, refused = 0, ""
    while not refused and saved < 500:
        try:
            store.note("abc", "joe", NOW, "n" * 400)
            saved += 1
        except StoreError as error:
            refused = str(error)
    assert refused == "NOT SAVED: disk full"
    assert [entry.what for entry in store.audit()] == ["snooze"] + ["note"] * saved
    assert len(store.records(NOW)[FIRING.key].notes) == min(saved, 50)


def test_who_takes_it_between_looking_and_writing_is_woken_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector writes what it read before only where nobody wrote since."""
    store, other = store_with_alert(private(tmp_path)), AckStore(private(tmp_path))
    write = Database.write

    def late(database: Database, *given: Any, **named: Any) -> object:
        monkeypatch.setattr(Database, "write", write)
        other.ack("abc", "joe", NOW + 1)
        return write(database, *given, **named)

    monkeypatch.setattr(Database, "write", late)
    store.observe([replace(FIRING, severity=Severity.CRITICAL)], NOW + 2)
    assert holder(store, NOW + 2) is None
    assert told(other)[-1][:2] == ("wfmon", "woke")
