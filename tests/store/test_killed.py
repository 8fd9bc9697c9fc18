"""kill -9 at every statement of what a person or the collector does to an ack; and two who do it at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from store.storehelp import FIRING, NOW, private, python
from wfmon.store.acks import AckStore
from wfmon.store.errors import AckError
from wfmon.store.paths import StateDir

COSTS = replace(FIRING, value=4.2, members=("run-1",))
LABELS = (("alertname", "X"), ("job", "w"))
Deed = Callable[[AckStore], object]
DEEDS: dict[str, Deed] = {
    "ack": lambda store: store.ack("abc", "joe", NOW + 1, comment="on it"),
    "snooze": lambda store: store.snooze("abc", "joe", NOW + 1, None),
    "note": lambda store: store.note("abc", "joe", NOW + 1, "it is the disk"),
    "share": lambda store: store.share("abc", "joe", NOW + 1, "am", LABELS),
}
# Of what is acked and shared already.
UNDOINGS: dict[str, Deed] = {
    "unack": lambda store: store.unack("abc", "joe", NOW + 1),
    "extend": lambda store: store.ack("abc", "joe", NOW + 1),
    "woke": lambda store: store.observe([replace(COSTS, value=99.0)], NOW + 1),
    "expired": lambda store: store.observe([COSTS], NOW + 4000),
    "resolved": lambda store: store.observe([], NOW + 1, {COSTS.key: NOW + 1}),
}


def told(store: AckStore) -> tuple[object, ...]:
    """All that a deed may change, as another process reads it."""
    tables = ("episodes", "acks", "notes", "shares", "audit")
    return tuple(
        store._database.read(
            lambda connection, name=name: connection.execute(f"SELECT * FROM {name}").fetchall()
        )  # type: ignore[misc]
        for name in tables
    )


def killed_at(state: StateDir, deed: Deed, statement: int) -> bool:
    """Whether a process that does ``deed`` lived to see that statement: it dies before it is run."""
    child = os.fork()
    if child == 0:
        try:
            store = AckStore(state)
            seen = 0

            def count(_sql: str) -> None:
                nonlocal seen
                seen += 1
                if seen == statement:
                    os.kill(os.getpid(), signal.SIGKILL)

            store._database._current().set_trace_callback(count)
            deed(store)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("name", [*DEEDS, *UNDOINGS])
def test_what_is_killed_was_done_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    state = private(tmp_path)
    store = AckStore(state)
    store.observe([COSTS], NOW)
    if name in UNDOINGS:
        store.share("abc", "joe", NOW, "am", LABELS)
    store.close()  # a connection must not be taken over a fork
    before = told(store)
    deed = {**DEEDS, **UNDOINGS}[name]
    statement = 0
    while True:
        statement += 1
        store.close()
        killed = killed_at(state, deed, statement)
        after = told(store)
        assert (store.problem, store.notes) == (None, ())
        if after != before:
            break
        assert killed, "it came to its end and did nothing"
    # The only step is the commit: what happens before it is nothing, after it is all.
    assert statement > 3
    whats = [entry.what for entry in store.audit()]
    assert name in whats or (name == "share" and whats == ["ack", "ask to share"])
    by_hand = AckStore(private(tmp_path / "other"))
    by_hand.observe([COSTS], NOW)
    if name in UNDOINGS:
        by_hand.share("abc", "joe", NOW, "am", LABELS)
    deed(by_hand)
    assert told(by_hand) == after


RACER = """
import sys
from wfmon.store.acks import AckStore
from wfmon.store.errors import AckError
from wfmon.store.paths import state_dir
store = AckStore(state_dir(sys.argv[1], {}))
store.acks(1000000.0)
print("ready", flush=True)
for line in sys.stdin:
    what, by, turn = line.split()
    now = 1000000.0 + int(turn)
    try:
        if what == "ack": store.ack("abc", by, now)
        if what == "snooze": store.snooze("abc", by, now, 900)
        if what == "note": store.note("abc", by, now, f"{by} {turn}")
        print("done", flush=True)
    except AckError as error:
        print(error, flush=True)
"""


@pytest.mark.parametrize("whats", [("ack", "ack"), ("snooze", "ack"), ("note", "note")])
def test_two_at_once_lose_nothing_and_the_second_is_told_who_has_it(
    tmp_path: Path, whats: tuple[str, str]
) -> None:
    state = private(tmp_path)
    store = AckStore(state)
    store.observe([COSTS], NOW)
    racers = [python(RACER, str(state.path)) for _ in whats]
    people = ("joe", "ann")
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for turn in range(1, 15):
            for racer, what, by in zip(racers, whats, people, strict=True):
                assert racer.stdin is not None
                racer.stdin.write(f"{what} {by} {turn}\n")
                racer.stdin.flush()
            answers = [racer.stdout.readline().strip() for racer in racers if racer.stdout is not None]
            if "note" in whats:
                assert answers == ["done", "done"]
                continue
            (held,) = store.acks(NOW + turn)
            winner = people.index(held.ack.by)
            assert answers[winner] == "done"
            assert answers[1 - winner].startswith(f"{FIRING.id}: {held.ack.by} has it until ")
            store.unack("abc", held.ack.by, NOW + turn)
    finally:
        for racer in racers:
            racer.communicate(timeout=30)
    if "note" in whats:
        texts = {note.text for note in store.records(NOW)[COSTS.key].notes}
        assert texts == {f"{by} {turn}" for by in people for turn in range(1, 15)}
    else:
        assert len([entry for entry in store.audit() if entry.what in whats]) == 14


def test_a_deed_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([COSTS], NOW)
    store.ack("abc", "ann", NOW)
    before = told(store)
    for deed in (*DEEDS.values(), UNDOINGS["unack"]):
        if deed is not DEEDS["note"]:
            with pytest.raises(AckError):
                deed(store)
    assert told(store) == before
