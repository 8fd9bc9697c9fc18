"""The files of earlier versions, and the rows that another hand may have put into ours."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from store.storehelp import FIRING, NOW, private, python
from wfmon.model.alert import Note, Severity
from wfmon.model.episode import EpisodeRecord
from wfmon.store import schema
from wfmon.store.acks import NAME, AckStore

WHOLE = replace(
    FIRING,
    value=4.2,
    unit="usd",
    low=1.5,
    mean=3.0,
    samples=7,
    members=("run-1", "run-2"),
    contributors=("step extract", "model gpt-x"),
    source="prom",
)


def file_of_version(path: Path, version: int) -> None:
    """As that version wrote it: two open episodes, one ended, an ack in force, one undone, the trail."""
    connection = sqlite3.connect(path)
    with connection:
        for statement in (each for step in schema.MIGRATIONS[:version] for each in step):
            connection.execute(statement)
        extra = ", value, peak, unit, worst" if version >= 2 else ""
        for name, ended in (("abcdef012345", None), ("bbbbbbbbbbbb", NOW - 50), ("cccccccccccc", None)):
            connection.execute(
                "INSERT INTO episodes (id, rule, labels, workflow, summary, severity, began_at, "
                f"began_at_least, last_seen_at, ended_at{extra}) VALUES (?, 'cost_spike', ?, 'w', '$4.20/h', "
                f"3, ?, 0, ?, ?{', 4.2, 5.0, chr, 3'.replace('chr', repr('usd')) if extra else ''})",
                (name, f'[["workflow", "{name[:1]}"]]', NOW - 100, NOW - 50, ended),
            )
        for by, undone in (("ann", NOW - 91), ("joe", None)):
            connection.execute(
                "INSERT INTO acks (episode, by, at, until, until_resolved, comment, undone_at, undone_by) "
                "VALUES ('abcdef012345', ?, ?, ?, 0, 'on it', ?, ?)",
                (by, NOW - 90, NOW + 900, undone, undone and by),
            )
        connection.execute(
            "INSERT INTO audit (at, who, what, episode, rule, labels, comment, effect) "
            "VALUES (?, 'joe', 'ack', 'abcdef012345', 'cost_spike', '[]', 'on it', 'local')",
            (NOW - 90,),
        )
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_an_earlier_version_is_taken_over_whole(tmp_path: Path, version: int) -> None:
    state = private(tmp_path)
    file_of_version(state.path / NAME, version)
    store = AckStore(state)
    (held,) = store.acks(NOW)
    assert (held.ack.by, held.ack.comment, held.ack.snooze, held.ack.shared) == ("joe", "on it", False, False)
    assert held.episode.severity is Severity.CRITICAL
    assert (held.episode.value, held.episode.unit) == ((4.2, "usd") if version >= 2 else (None, "ratio"))
    assert (held.episode.low, held.episode.mean, held.episode.samples) == (None, None, 0)
    assert (held.episode.members, held.episode.contributors, held.episode.notes) == ((), (), ())
    assert held.episode.source == "wfmon"
    assert [each.record.id for each in store.ended(NOW - 1000)] == ["bbbbbbbbbbbb"]
    assert [(entry.who, entry.what) for entry in store.audit()] == [("joe", "ack")]
    assert set(store.records(NOW)) == {("cost_spike", (("workflow", name),)) for name in "abc"}
    assert store.problem is None


def test_a_file_taken_over_is_as_one_begun_anew(tmp_path: Path) -> None:
    def tables(path: Path) -> set[tuple[str, ...]]:
        connection = sqlite3.connect(path)
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found = {
            (name, *map(str, column[1:]))
            for name in names
            for column in connection.execute(f"PRAGMA table_info({name})")
        }
        found |= set(connection.execute("SELECT type, name FROM sqlite_master WHERE type != 'table'"))
        connection.close()
        return found

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    old, new = private(tmp_path / "a"), private(tmp_path / "b")
    file_of_version(old.path / NAME, 2)
    for state in (old, new):
        AckStore(state).observe([FIRING], NOW)
    assert tables(old.path / NAME) == tables(new.path / NAME)


OPENER = """
import sys
from pathlib import Path
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir
sys.stdin.readline()
store = AckStore(StateDir(Path(sys.argv[1])))
print(len(store.records({now})), store.problem)
""".replace("{now}", str(NOW))


def test_several_may_take_it_over_at_once(tmp_path: Path) -> None:
    state = private(tmp_path)
    file_of_version(state.path / NAME, 2)
    processes = [python(OPENER, str(state.path)) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.read().strip() == "3 None"
        process.wait(10)


def test_all_that_is_told_of_an_episode_is_kept(tmp_path: Path) -> None:
    state = private(tmp_path)
    AckStore(state).observe([WHOLE], NOW)
    record = AckStore(state).records(NOW)[WHOLE.key]
    assert record == EpisodeRecord(
        id=WHOLE.id,
        rule=WHOLE.rule,
        labels=WHOLE.labels,
        severity=WHOLE.severity,
        summary=WHOLE.summary,
        began_at=WHOLE.since,
        began_at_least=False,
        last_seen_at=NOW,
        workflow="w",
        value=4.2,
        peak=4.2,
        unit="usd",
        low=1.5,
        mean=3.0,
        samples=7,
        members=("run-1", "run-2"),
        contributors=("step extract", "model gpt-x"),
        source="prom",
    )


@pytest.mark.parametrize(
    "odd", ["x", b"\x1b[2J", "[" * 6000, '{"a": 1}', "[1, null, [2]]", '["\\u001b]52;c;x\\u0007"]', 9e99, -1]
)
def test_lists_and_figures_of_another_hand_do_no_harm(tmp_path: Path, odd: object) -> None:
    state = private(tmp_path)
    store = AckStore(state)
    store.observe([WHOLE], NOW)
    store.ack("abc", "joe", NOW)
    connection = sqlite3.connect(state.path / NAME)
    with connection:
        connection.execute(
            "UPDATE episodes SET low = ?1, mean = ?1, samples = ?1, members = ?1, contributors = ?1, "
            "source = ?1",
            (odd,),
        )
        connection.execute("UPDATE acks SET snooze = ?1, severity = ?1, value = ?1, members = ?1", (odd,))
        connection.execute(
            "INSERT INTO notes (episode, by, at, text) VALUES (?1, ?2, 1, ?2)", (FIRING.id, odd)
        )
        connection.execute(
            "INSERT INTO notes (episode, by, at, text) VALUES (?1, 'x', ?2, 'x')", (FIRING.id, odd)
        )
        connection.execute(
            "INSERT INTO shares (episode, via, matchers, by, asked_at, silence, state, problem) "
            "VALUES (?1, ?2, ?2, ?2, ?2, ?2, 'held', ?2)",
            (FIRING.id, odd),
        )
    connection.close()
    (held,) = store.acks(NOW)
    told = repr(held)
    assert not {"\x1b", "\x07"} & set(told), told
    assert held.episode.samples >= 0
    assert all(each == each.strip("\x1b") for each in held.episode.members)
    assert any(isinstance(note, Note) for note in held.episode.notes)
    assert store.problem is None
    store.observe([replace(WHOLE, value=5.0)], NOW + 30)
    assert store.problem is None
