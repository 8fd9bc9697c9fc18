"""Shared acks against a real Alertmanager, step by step."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.hostile_http import Hostile, response, serving
from support.servers import Server, free_port, running_alertmanager
from support.sharing import TERMS, ByHand, Desk, labels, rfc3339
from support.waiting import wait_until
from wfmon.model.alert import AlertState
from wfmon.model.foreign import ForeignAlerts, System
from wfmon.model.record import replace
from wfmon.model.share import ShareState
from wfmon.monitor.parting import open_shares
from wfmon.sources.silences import Silences
from wfmon.store.shares import jobs

pytestmark = pytest.mark.server

HIGH = labels("HighErrorRate", workflow="invoice_extract", severity="critical", text='a"b\\c β')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_alertmanager(tmp_path_factory.mktemp("am")) as running:
        yield running


@pytest.fixture
def am(server: Server) -> ByHand:
    """Without any silence left of another test."""
    by_hand = ByHand(server.url)
    for each in by_hand.silences():
        by_hand.delete(each["id"])
    by_hand.fire(HIGH)
    return by_hand


@pytest.fixture
def desk(tmp_path: Path, am: ByHand) -> Desk:
    return Desk(tmp_path / "state", am.url)


def shared(desk: Desk, comment: str = "") -> str:
    episode = desk.fires(HIGH)
    desk.share(episode, comment=comment)
    desk.turn()
    assert desk.share_of(episode).state is ShareState.HELD
    return episode


def test_a_shared_ack_is_a_silence_on_exactly_the_labels_for_15_minutes(desk: Desk, am: ByHand) -> None:
    begin = time.time()
    episode = shared(desk, comment="looking, token=sk-live-abcdefghijklmnop1234")
    (silence,) = am.silences(HIGH)
    assert am.muted(HIGH)
    assert silence["createdBy"] == "dana"
    comment = str(silence["comment"])
    assert comment.startswith("ACK! looking")
    assert comment.endswith(f"(wfmon {episode})")
    assert "sk-live" not in comment
    share = desk.share_of(episode)
    assert share.silence == silence["id"]
    assert share.ends_at is not None
    assert 895 < share.ends_at - begin < 910
    ack = desk.store.records(desk.clock())[("HighErrorRate", HIGH)].ack
    assert ack is not None
    assert ack.shared
    assert ack.silence == silence["id"]
    assert ack.via == "am"
    assert [(each.who, each.what, each.effect) for each in desk.trail(episode)][-2:] == [
        ("dana", "ask to share", "asked am"),
        ("dana", "share", silence["id"]),
    ]


def test_it_is_extended_while_it_fires_and_not_before_it_must_be(desk: Desk, am: ByHand) -> None:
    desk.collector(terms=replace(TERMS, duration=60.0, extend=10.0))
    episode = shared(desk)
    (first,) = am.silences(HIGH)
    desk.turn(3)
    assert am.silences(HIGH) == [first]
    desk.collector()
    desk.turn(2)
    (second,) = am.silences(HIGH)
    assert second["id"] == first["id"]
    assert str(second["endsAt"]) > str(first["endsAt"])
    assert second["comment"] == first["comment"]
    assert second["matchers"] == first["matchers"]
    assert desk.trail(episode)[-1].what == "extend share"
    assert desk.trail(episode)[-1].effect == first["id"]
    desk.turn(3)
    assert am.silences(HIGH) == [second]


def test_what_is_not_known_to_fire_is_not_extended(desk: Desk, am: ByHand) -> None:
    desk.collector(terms=replace(TERMS, duration=60.0, extend=10.0))
    episode = shared(desk)
    before = am.silences(HIGH)
    desk.collector()
    desk.is_now(episode, AlertState.NO_DATA, blind=True)
    desk.turn(2)
    assert am.silences(HIGH) == before
    desk.alerts.clear()  # a collector that has just begun and knows nothing yet
    desk.turn(2)
    assert am.silences(HIGH) == before
    assert desk.share_of(episode).state is ShareState.HELD


def test_it_never_ends_later_than_the_ack(desk: Desk, am: ByHand) -> None:
    episode = desk.fires(HIGH)
    desk.store.ack(episode, "dana", desk.clock(), seconds=120)
    desk.share(episode)
    desk.turn()
    share, record = desk.share_of(episode), desk.store.records(desk.clock())[("HighErrorRate", HIGH)]
    assert record.ack is not None
    assert record.ack.until is not None
    assert share.ends_at is not None
    assert share.ends_at <= record.ack.until + 0.1
    desk.turn(2)
    assert desk.share_of(episode).ends_at == share.ends_at
    desk.store.ack(episode, "dana", desk.clock(), seconds=60)
    desk.turn(2)
    earlier = desk.share_of(episode).ends_at
    assert earlier is not None
    assert earlier < share.ends_at - 50
    assert len(am.silences(HIGH)) == 1


def test_resolved_takes_it_back_and_firing_again_is_not_mute(desk: Desk, am: ByHand) -> None:
    episode = shared(desk)
    (silence,) = am.silences(HIGH)
    am.resolve(HIGH)
    desk.is_now(episode, AlertState.RESOLVED)
    desk.turn()
    assert am.silences(HIGH) == []
    assert desk.share_of(episode).state is ShareState.RELEASED
    assert desk.trail(episode)[-1].effect == silence["id"]
    am.fire(HIGH)
    desk.is_now(episode, AlertState.FIRING)
    desk.turn(2)
    assert not am.muted(HIGH)
    desk.share(episode)
    desk.turn()
    assert am.muted(HIGH)


def test_what_is_over_waits_for_no_look(desk: Desk, am: ByHand) -> None:
    """Should it fire again at once, nobody must be kept from hearing it."""
    episode = shared(desk)
    desk.turn()
    desk.sharer._steady = lambda: desk.steady
    desk.is_now(episode, AlertState.RESOLVED, ended_at=time.time())
    desk.turn()
    assert am.silences(HIGH) == []


def test_undone_takes_it_back_also_before_it_was_set(desk: Desk, am: ByHand) -> None:
    episode = shared(desk)
    desk.store.unack(episode, "dana", desk.clock())
    desk.turn()
    assert am.silences(HIGH) == []
    assert desk.share_of(episode).state is ShareState.RELEASED
    desk.share(episode)
    desk.store.unack(episode, "dana", desk.clock())
    desk.turn(2)
    assert am.silences(HIGH) == []
    assert desk.share_of(episode).state is ShareState.RELEASED


def test_asked_again_while_it_is_being_taken_back(desk: Desk, am: ByHand) -> None:
    episode = shared(desk)
    (silence,) = am.silences(HIGH)
    desk.store.unack(episode, "dana", desk.clock())
    desk.share(episode)
    desk.turn(2)
    assert desk.share_of(episode).state is ShareState.HELD
    assert [each["id"] for each in am.silences(HIGH)] == [silence["id"]]


def test_an_ack_that_ran_out_takes_it_back(tmp_path: Path, am: ByHand) -> None:
    late = [0.0]
    desk = Desk(tmp_path / "state", am.url, clock=lambda: time.time() + late[0])
    episode = shared(desk)
    late[0] = 3601.0
    desk.turn()
    assert am.silences(HIGH) == []
    assert desk.share_of(episode).state is ShareState.RELEASED


def test_deleted_by_another_hand_is_left_so_and_told(desk: Desk, am: ByHand) -> None:
    episode = shared(desk)
    (silence,) = am.silences(HIGH)
    am.delete(silence["id"])
    desk.turn()
    share = desk.share_of(episode)
    assert share.state is ShareState.LOST
    assert share.problem is not None
    assert "another hand" in share.problem
    desk.turn(2)
    assert am.silences(HIGH) == []
    ack = desk.store.records(desk.clock())[("HighErrorRate", HIGH)].ack
    assert ack is not None
    assert not ack.shared
    assert ack.problem == share.problem
    desk.share(episode)
    desk.turn()
    assert am.muted(HIGH)


def test_deleted_in_the_very_moment_of_extending_nothing_new_is_left(desk: Desk, am: ByHand) -> None:
    desk.collector(terms=replace(TERMS, duration=60.0, extend=10.0))
    episode = shared(desk)

    class Late(Silences):
        def extend(self, silence: str, ends_at: float) -> str:
            am.delete(silence)
            return super().extend(silence, ends_at)

    desk.collector(lambda via: Late(am.url))
    desk.turn(2)
    assert am.silences(HIGH) == []
    assert desk.share_of(episode).state is ShareState.LOST


@pytest.mark.parametrize("change", ["end", "comment", "person"])
def test_edited_by_another_hand_it_is_theirs(desk: Desk, am: ByHand, change: str) -> None:
    desk.collector(terms=replace(TERMS, duration=60.0, extend=10.0))
    episode = shared(desk)
    (silence,) = am.silences(HIGH)
    changes = {
        "end": {"endsAt": rfc3339(time.time() + 200)},
        "comment": {"comment": "ACK! maintenance"},
        "person": {"createdBy": "pat"},
    }[change]
    assert am.edit(silence, **changes) == silence["id"]
    (edited,) = am.silences(HIGH)
    desk.collector()
    desk.turn(2)
    assert desk.share_of(episode).state is ShareState.LOST
    desk.store.unack(episode, "dana", desk.clock())
    desk.is_now(episode, AlertState.RESOLVED)
    desk.turn(2)
    assert am.silences(HIGH) == [edited]


def test_edited_while_it_is_to_be_taken_back_it_stays(desk: Desk, am: ByHand) -> None:
    episode = shared(desk)
    (silence,) = am.silences(HIGH)
    am.edit(silence, endsAt=rfc3339(time.time() + 5000))
    desk.is_now(episode, AlertState.RESOLVED)
    desk.turn()
    assert len(am.silences(HIGH)) == 1
    assert "stays until" in str(desk.share_of(episode).problem)


def test_who_has_it_there_already_keeps_it(desk: Desk, am: ByHand) -> None:
    theirs = am.silence(HIGH, "pat", "ACK! on it")
    episode = desk.fires(HIGH)
    desk.share(episode)
    desk.turn(2)
    share = desk.share_of(episode)
    assert share.state is ShareState.REFUSED
    assert str(share.problem).startswith("pat has it in am until ")
    assert [each["id"] for each in am.silences(HIGH)] == [theirs]


def test_a_silence_that_is_no_ack_is_not_in_the_way(desk: Desk, am: ByHand) -> None:
    am.silence(HIGH, "pat", "maintenance")
    am.silence(HIGH[:1], "pat", "ACK! all of them")
    shared(desk)
    assert len(am.silences(HIGH)) == 2


def test_two_hosts_at_once_set_one(tmp_path: Path, am: ByHand) -> None:
    desks = [Desk(tmp_path / name, am.url) for name in ("one", "two")]
    gate = threading.Barrier(2)

    class Together(Silences):
        """Both have looked before either sets."""

        def knows_alert(self, labels: object) -> bool:
            gate.wait(10)
            return True

    episodes = []
    for desk, person in zip(desks, ("dana", "pat"), strict=True):
        desk.collector(lambda via: Together(am.url))
        episodes.append(desk.fires(HIGH))
        desk.share(episodes[-1], person)
    assert episodes[0] == episodes[1], "both hosts know the alert by one id"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda desk: desk.turn(), desks))
    shares = [desk.share_of(episode) for desk, episode in zip(desks, episodes, strict=True)]
    assert sorted(share.state for share in shares) == ["held", "refused"]
    (silence,) = am.silences(HIGH)
    winner, loser = sorted(shares, key=lambda share: share.state)
    assert silence["id"] == winner.silence
    assert str(loser.problem).startswith(f"{winner.by} has it in am")
    assert all(desk.store.acks(time.time()) for desk in desks), "nobody lost the ack"
    for desk in desks:
        desk.turn(3)
    assert [each["id"] for each in am.silences(HIGH)] == [winner.silence]


def test_two_who_collect_from_one_directory_set_one(tmp_path: Path, am: ByHand) -> None:
    """As a moment of a hand-over may be."""
    desk = Desk(tmp_path / "state", am.url)
    other = Desk(tmp_path / "state", am.url)
    gate = threading.Barrier(2)

    class Together(Silences):
        def knows_alert(self, labels: object) -> bool:
            if not gate.broken:
                gate.wait(10)
            return True

    for each in (desk, other):
        each.collector(lambda via: Together(am.url))
    episode = desk.fires(HIGH)
    other.fires(HIGH)
    desk.share(episode)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: each.turn(), (desk, other)))
    gate.abort()
    desk.turn()
    other.turn()
    assert desk.share_of(episode).state is ShareState.HELD
    assert [each["id"] for each in am.silences(HIGH)] == [desk.share_of(episode).silence]


def test_two_people_on_one_directory_share_one(desk: Desk, am: ByHand) -> None:
    episode = shared(desk)
    with pytest.raises(Exception, match="dana has it"):
        desk.share(episode, by="pat")
    desk.share(episode, by="dana")
    desk.turn(2)
    assert len(am.silences(HIGH)) == 1
    assert desk.share_of(episode).state is ShareState.HELD


def test_a_clock_that_is_wrong_by_minutes(tmp_path: Path, am: ByHand) -> None:
    late = [0.0]
    for skew in (-900.0, 900.0):
        late[0] = skew
        desk = Desk(tmp_path / str(skew), am.url, clock=lambda: time.time() + late[0])
        episode = shared(desk)
        (silence,) = am.silences(HIGH)
        assert rfc3339(time.time() + 880) < str(silence["endsAt"]) < rfc3339(time.time() + 910)
        share = desk.share_of(episode)
        assert share.ends_at is not None
        assert 880 < share.ends_at - desk.clock() < 910
        desk.turn(2)
        assert am.silences(HIGH) == [silence]
        desk.is_now(episode, AlertState.RESOLVED)
        desk.turn()
        assert am.silences(HIGH) == []


def test_labels_that_the_alertmanager_does_not_have_are_not_silenced(desk: Desk, am: ByHand) -> None:
    episode = desk.fires(labels("HighErrorRate", workflow="gone"))
    desk.share(episode)
    desk.turn(2)
    assert am.silences() == []
    share = desk.share_of(episode)
    assert share.state is ShareState.ASKED
    assert share.problem == "not shared yet: am has no alert with exactly these labels"


def test_another_source_that_saw_it_go_has_it_looked_at_at_once(desk: Desk, am: ByHand) -> None:
    desk.collector()
    episode = shared(desk)
    desk.turn()
    desk._later = lambda: desk.steady  # type: ignore[method-assign]  # no look is due any more
    desk.sharer._steady = lambda: desk.steady
    (silence,) = am.silences(HIGH)
    am.delete(silence["id"])
    desk.turn()
    assert desk.share_of(episode).state is ShareState.HELD
    desk.foreign = (ForeignAlerts("am", System.ALERTMANAGER, time.time() + 1),)
    desk.turn()
    assert desk.share_of(episode).state is ShareState.LOST


def test_a_server_that_is_restarted_in_between(tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as first:
        url = first.enter_context(running_alertmanager(tmp_path, port=port)).url
        am = ByHand(url)
        am.fire(HIGH)
        desk = Desk(tmp_path / "state", url, terms=replace(TERMS, duration=60.0, extend=10.0))
        episode = shared(desk)
        (silence,) = am.silences(HIGH)
    desk.turn()
    assert desk.share_of(episode).state is ShareState.HELD, "down: nothing is known to be lost"
    with running_alertmanager(tmp_path, port=port):
        desk.collector(terms=TERMS)
        desk.turn(2)
        (again,) = am.silences(HIGH)
        assert again["id"] == silence["id"], "kept"
        assert again["endsAt"] != silence["endsAt"], "extended"
    shutil.rmtree(tmp_path / f"alertmanager-{port}" / "data")
    with running_alertmanager(tmp_path, port=port):
        desk.turn(2)
        share = desk.share_of(episode)
        assert share.state is ShareState.ASKED, "it has forgotten the alert too"
        am.fire(HIGH)
        desk.turn(2)
        assert am.muted(HIGH)
        assert desk.share_of(episode).state is ShareState.HELD
        assert [each.what for each in desk.trail(episode)].count("share anew") == 1


def test_a_server_that_is_down(tmp_path: Path) -> None:
    late = [0.0]
    desk = Desk(tmp_path / "state", f"http://127.0.0.1:{free_port()}", clock=lambda: time.time() + late[0])
    episode = desk.fires(HIGH)
    desk.share(episode)
    desk.turn()
    assert desk.share_of(episode).problem == "not shared yet: am refused"
    desk.turn(3)
    assert desk.share_of(episode).state is ShareState.ASKED
    late[0] = 3601.0
    desk.turn()
    assert desk.share_of(episode).state is ShareState.RELEASED


def test_a_server_that_goes_down_for_longer_than_the_silence(tmp_path: Path) -> None:
    late = [0.0]
    with running_alertmanager(tmp_path) as server:
        ByHand(server.url).fire(HIGH)
        desk = Desk(tmp_path / "state", server.url, clock=lambda: time.time() + late[0])
        episode = shared(desk)
    late[0] = 700.0
    desk.turn()
    assert str(desk.share_of(episode).problem).startswith("not extended: am refused; ends by itself at ")
    late[0] = 910.0
    desk.turn()
    share = desk.share_of(episode)
    assert share.state is ShareState.LOST
    assert str(share.problem).startswith("the silence in am has ended by itself at ")


def test_back_off_leaves_a_server_alone_and_still_tells_everybody(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def never(connection: socket.socket, head: bytes, hostile: Hostile) -> None:
        asked.append(head)
        connection.sendall(response("503 Service Unavailable", b"{}"))

    with serving(never) as server:
        desk = Desk(tmp_path / "state", server.url)
        desk.sharer._steady = lambda: desk.steady
        for workflow in ("a", "b", "c"):
            desk.share(desk.fires(labels("X", workflow=workflow)))
        desk.turn(5)
        assert len(asked) == 1
        problems = {str(desk.share_of(each).problem) for each in desk.alerts}
        assert len(problems) == 1
        assert "503" in problems.pop()
        desk.steady += 3.0
        desk.turn()
        assert len(asked) == 2


def test_a_server_that_does_not_let_us_is_asked_twice(tmp_path: Path) -> None:
    def forbidden(connection: socket.socket, head: bytes, hostile: Hostile) -> None:
        method = head.split()[0]
        body = (
            b"[]"
            if b"/silences" in head
            else b'[{"labels":{"alertname":"X"},"startsAt":"","status":{"state":""}}]'
        )
        connection.sendall(
            response("200 OK", body) if method == b"GET" else response("403 Forbidden", b'"read only"')
        )

    with serving(forbidden) as server:
        desk = Desk(tmp_path / "state", server.url)
        episode = desk.fires(labels("X"))
        desk.share(episode)
        desk.turn()
        assert desk.share_of(episode).state is ShareState.ASKED, "the token may just have been renewed"
        desk.turn()
        share = desk.share_of(episode)
        assert share.state is ShareState.REFUSED
        assert "403 Forbidden: read only" in str(share.problem)
        assert desk.trail(episode)[-1].what == "share refused"


def test_where_writing_is_not_allowed_it_is_refused_in_words(tmp_path: Path, am: ByHand) -> None:
    desk = Desk(tmp_path / "state", am.url)
    desk.collector(lambda via: f"{via} has no allow_write = true in the config of who collects")
    episode = desk.fires(HIGH)
    desk.share(episode)
    desk.turn()
    share = desk.share_of(episode)
    assert share.state is ShareState.REFUSED
    assert "allow_write" in str(share.problem)
    assert am.silences() == []


def test_the_silence_ends_by_itself_where_nobody_goes_on(desk: Desk, am: ByHand) -> None:
    desk.collector(terms=replace(TERMS, duration=2.0, extend=0.1))
    episode = shared(desk)
    wait_until(lambda: not am.silences(HIGH), timeout=10)
    desk.collector()
    desk.turn(2)
    share = desk.share_of(episode)
    assert share.state is ShareState.LOST
    assert "by itself" in str(share.problem)
    assert am.silences(HIGH) == []


def test_who_leaves_is_told_until_when_it_holds(desk: Desk, am: ByHand) -> None:
    shared(desk)
    desk.store.records(desk.clock())
    (line,) = open_shares(desk.store.open_shares(), desk.clock(), None)
    assert line.startswith("shared ack HighErrorRate: silenced in am until ")
    assert "then it ends by itself" in line
    (job,) = desk.sharer._book._database.read(lambda connection: jobs(connection, ""))
    assert open_shares([job], desk.clock() + 901, None) == ()
