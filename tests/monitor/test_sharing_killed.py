"""kill -9 of the collector after every step of a shared ack: the next one goes on from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers import running_alertmanager
from support.sharing import TERMS, ByHand, Desk, labels, rfc3339
from wfmon.model.record import replace
from wfmon.model.share import ShareState

pytestmark = pytest.mark.server

HERE = Path(__file__).parent


class Killer:
    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url

    def kill(self, desk: Desk, episode: str, step: int, duration: float = TERMS.duration) -> str:
        """After this step of a turn; its name, or "-" if the turn was over before."""
        order = {
            "state": str(desk.state.path),
            "url": self.url,
            "labels": desk.alerts[episode].labels,
            "duration": duration,
            "step": step,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        assert told["step"], "it failed by itself"
        assert (told["signal"] == 9) == (told["step"] != "-")
        return str(told["step"])


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with running_alertmanager(tmp_path_factory.mktemp("am")) as server:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "sharekiller.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])},
        )
        try:
            yield Killer(process, server.url)
        finally:
            process.communicate(timeout=10)


def shared(tmp_path: Path, am: ByHand, step: int) -> tuple[Desk, str]:
    """Asked for, not yet set; each step has an alert of its own."""
    desk = Desk(tmp_path / f"state{step}", am.url)
    wanted = labels("Killed", test=tmp_path.name, step=str(step))
    am.fire(wanted)
    episode = desk.fires(wanted)
    desk.share(episode)
    return desk, episode


def test_while_it_is_set(tmp_path: Path, killer: Killer) -> None:
    am = ByHand(killer.url)
    died = []
    for step in range(1, 20):
        desk, episode = shared(tmp_path, am, step)
        died.append(killer.kill(desk, episode, step))
        mine = desk.alerts[episode].labels
        orphans = am.silences(mine)
        assert len(orphans) <= 1
        assert all(str(each["endsAt"]) < rfc3339(time.time() + 905) for each in orphans)
        desk.turn(2)
        (silence,) = am.silences(mine)
        share = desk.share_of(episode)
        assert (share.state, share.silence) == (ShareState.HELD, silence["id"]), died
        assert [each["id"] for each in orphans] in ([], [silence["id"]]), "taken over, not set twice"
        assert [each.what for each in desk.trail(episode)].count("share") == 1
        if died[-1] == "-":
            break
    assert died == ["jobs", "active", "knows_alert", "intend", "create", "active", "hold", "-"]


def test_while_it_is_extended(tmp_path: Path, killer: Killer) -> None:
    am = ByHand(killer.url)
    died = []
    for step in range(1, 20):
        desk, episode = shared(tmp_path, am, step)
        desk.collector(terms=replace(TERMS, duration=60.0, extend=10.0))
        desk.turn()
        mine = desk.alerts[episode].labels
        (before,) = am.silences(mine)
        died.append(killer.kill(desk, episode, step))
        desk.collector()
        desk.turn(2)
        (silence,) = am.silences(mine)
        assert silence["id"] == before["id"]
        assert str(silence["endsAt"]) > rfc3339(time.time() + 800)
        share = desk.share_of(episode)
        assert (share.state, share.wanted_end, share.problem) == (ShareState.HELD, None, None), died
        if died[-1] == "-":
            break
    assert died == ["jobs", "active", "intend", "extend", "one", "hold", "-"]


def test_while_it_is_taken_back(tmp_path: Path, killer: Killer) -> None:
    am = ByHand(killer.url)
    died = []
    for step in range(1, 20):
        desk, episode = shared(tmp_path, am, step)
        desk.turn()
        desk.store.unack(episode, "dana", desk.clock())
        died.append(killer.kill(desk, episode, step))
        desk.turn(2)
        assert am.silences(desk.alerts[episode].labels) == []
        assert desk.share_of(episode).state is ShareState.RELEASED
        if died[-1] == "-":
            break
    assert died == ["jobs", "active", "expire", "end", "-"]


def test_set_and_killed_and_undone_meanwhile_nothing_is_left(tmp_path: Path, killer: Killer) -> None:
    am = ByHand(killer.url)
    for step in (4, 5, 6):
        desk, episode = shared(tmp_path, am, step)
        killer.kill(desk, episode, step)
        desk.store.unack(episode, "dana", desk.clock())
        desk.turn(2)
        assert am.silences(desk.alerts[episode].labels) == []
        assert desk.share_of(episode).state is ShareState.RELEASED


def test_a_second_host_that_sees_the_orphan_leaves_it(tmp_path: Path, killer: Killer) -> None:
    am = ByHand(killer.url)
    desk, episode = shared(tmp_path, am, 5)
    assert killer.kill(desk, episode, 5) == "create"
    mine = desk.alerts[episode].labels
    (orphan,) = am.silences(mine)
    other = Desk(tmp_path / "elsewhere", am.url)
    assert other.fires(mine) == episode
    other.share(episode)
    other.turn(2)
    assert other.share_of(episode).state is ShareState.REFUSED
    other.store.unack(episode, "dana", other.clock())
    other.turn(2)
    assert am.silences(mine) == [orphan]
