"""Rows of shared acks: each step only from where it was decided, and nothing in them is trusted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from store.storehelp import FIRING, NOW, private, store_with_alert
from wfmon.model.foreign import Silence
from wfmon.model.record import replace
from wfmon.model.share import ShareState
from wfmon.store.acks import NAME, AckStore
from wfmon.store.database import Database
from wfmon.store.paths import StateDir
from wfmon.store.shares import Job, ShareBook

MATCHERS = (("alertname", "X"), ("workflow", "w"))
SILENCE = Silence(
    "eebb5acf-45ef-49b3-8f36-65f009c6e22e", (), "dana", "ACK! x", NOW, NOW + 900, NOW + 0.125, True
)


def book(state: StateDir, lane: str = "") -> ShareBook:
    return ShareBook(Database(state, NAME), lambda: NOW, lane)


def asked(path: Path) -> tuple[StateDir, AckStore, Job]:
    state = private(path)
    store = store_with_alert(state)
    store.share(FIRING.id, "dana", NOW, "am", MATCHERS, "on it")
    (job,) = book(state).jobs()
    return state, store, job


def effects(store: AckStore) -> list[tuple[str, str, str]]:
    return [(entry.who, entry.what, entry.effect) for entry in store.audit()]


def test_an_ack_and_its_share_are_one_step(tmp_path: Path) -> None:
    state, store, job = asked(tmp_path)
    assert (job.share.via, job.share.matchers, job.share.by) == ("am", MATCHERS, "dana")
    assert job.share.state is ShareState.ASKED
    assert job.ack is not None
    assert job.ack.comment == "on it"
    store.records(NOW)
    assert store.shares_waiting()
    assert store.open_shares() == (job,)
    assert book(state, "another").jobs() == ()


def test_its_way(tmp_path: Path) -> None:
    state, store, job = asked(tmp_path)
    mine = book(state)
    assert mine.intend(job.share, NOW + 900)
    assert not mine.intend(job.share, NOW + 901), "another has intended since"
    mine.hold(job, SILENCE, NOW + 899)
    (held,) = mine.jobs()
    assert (held.share.state, held.share.silence) == (ShareState.HELD, SILENCE.id)
    assert (held.share.ends_at, held.share.updated_at) == (NOW + 899, NOW + 0.125)
    assert held.share.wanted_end is None
    mine.hold(held, SILENCE, NOW + 899)
    mine.hold(held, replace(SILENCE, updated_at=NOW + 5), NOW + 999)
    mine.tell(held.share, "not extended: am refused")
    assert held.ack is not None
    assert store.records(NOW)[FIRING.key].ack == replace(
        held.ack,
        shared=True,
        silence=SILENCE.id,
        via="am",
        problem="not extended: am refused",
        muted_until=NOW + 999,
    )
    assert store.taken_back() == frozenset()
    mine.end(held, ShareState.RELEASED, None, SILENCE.id)
    assert mine.jobs() == ()
    store.records(NOW)
    assert store.taken_back() == {SILENCE.id}
    assert effects(store)[1:] == [
        ("dana", "ask to share", "asked am"),
        ("dana", "share", SILENCE.id),
        ("wfmon", "extend share", SILENCE.id),
        ("wfmon", "unshare", SILENCE.id),
    ]


def test_a_silence_that_has_ended_is_not_called_shared_though_nobody_collects(tmp_path: Path) -> None:
    state, store, job = asked(tmp_path)
    book(state).hold(job, SILENCE, NOW + 899)

    def shown(now: float) -> tuple[bool, str | None, str | None]:
        ack = store.records(now)[FIRING.key].ack
        assert ack is not None
        (held,) = store.acks(now)
        assert held.ack == ack == store.find(FIRING.id, now).ack
        return ack.shared, ack.silence, ack.problem

    assert shown(NOW + 899) == (True, SILENCE.id, None)
    assert shown(NOW + 900) == (False, None, "the silence in am has ended by itself")
    assert shown(NOW + 899) == (True, SILENCE.id, None), "the clock may go back"
    book(state).tell(book(state).jobs()[0].share, "not extended: am refused")
    assert shown(NOW + 900) == (False, None, "not extended: am refused")
    assert [share.share.state for share in book(state).jobs()] == [ShareState.HELD], "the collector decides"


def test_what_somebody_did_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    state, store, job = asked(tmp_path)
    mine = book(state)
    mine.intend(job.share, NOW + 900)
    store.unack(FIRING.id, "dana", NOW)
    mine.hold(job, SILENCE, NOW + 900)
    (given_back,) = mine.jobs()
    assert given_back.share.state is ShareState.RELEASING
    assert given_back.share.silence == SILENCE.id, "so that it is known what to take back"
    store.share(FIRING.id, "dana", NOW + 1, "am", MATCHERS)
    mine.end(given_back, ShareState.RELEASED, None)
    (again,) = mine.jobs()
    assert (again.share.state, again.share.number) == (ShareState.ASKED, job.share.number)
    mine.tell(given_back.share, "late words")
    mine.ask_again(given_back, "late")
    assert mine.jobs() == (again,)


def test_one_share_of_an_episode_at_a_time(tmp_path: Path) -> None:
    state, store, job = asked(tmp_path)
    store.share(FIRING.id, "dana", NOW + 1, "am", MATCHERS)
    assert [each.share.number for each in book(state).jobs()] == [job.share.number]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "gone"),
        ("asked_at", "soon"),
        ("asked_at", 1e300),
        ("ends_at", float("inf")),
        ("updated_at", b"\x00"),
        ("wanted_end", -1),
    ],
)
def test_a_row_that_cannot_be_ours_is_left_alone(tmp_path: Path, column: str, value: object) -> None:
    state, _, _ = asked(tmp_path)
    with sqlite3.connect(state.path / NAME) as other:
        other.execute(f"UPDATE shares SET {column} = ?", (value,))
    assert book(state).jobs() == ()


@pytest.mark.parametrize("column", ["via", "matchers", "by", "silence", "problem"])
@pytest.mark.parametrize("value", ["\x1b]52;c;UFdORUQ=\x07", "x" * 100_000, b"\xff\xfe", 7, "[[[["])
def test_hostile_texts_are_made_safe(tmp_path: Path, column: str, value: object) -> None:
    state, _, _ = asked(tmp_path)
    with sqlite3.connect(state.path / NAME) as other:
        other.execute(f"UPDATE shares SET {column} = ?", (value,))
    (job,) = book(state).jobs()
    share = job.share
    texts = [share.via, share.by, share.problem or "", share.silence or "", *sum(share.matchers, ())]
    assert all(text.isprintable() and len(text) <= 10_000 for text in texts)
    assert share.silence is None or column != "silence" or share.silence == "7"
