"""Sharing goes on whatever fails in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.sharing import Desk, labels
from support.waiting import wait_until
from wfmon.monitor import sharingthread
from wfmon.monitor.sharing import Sharer
from wfmon.monitor.sharingthread import SharingThread, Told
from wfmon.sources.silences import Silences

ONE, OTHER = labels("HighErrorRate", workflow="a"), labels("HighErrorRate", workflow="b")


def test_one_that_fails_unforeseen_keeps_no_other_from_being_taken_back(tmp_path: Path) -> None:
    def client(via: str) -> Silences | str:
        if via == "sick":
            raise ValueError("token=abcdef123456 \x1b]0;x\x07" + "y" * 500)
        return "am has no allow_write = true"

    desk = Desk(tmp_path / "state", "http://127.0.0.1:9", clients=client)
    first, second = desk.fires(ONE), desk.fires(OTHER)
    desk.store.share(first, "dana", desk.clock(), "sick", ONE)
    desk.store.share(second, "dana", desk.clock(), "am", OTHER)
    desk.turn()
    problem = desk.share_of(first).problem
    assert problem is not None
    assert problem.startswith("sharing failed: ValueError: token=<redacted>")
    assert (problem.isprintable(), len(problem) <= 160) == (True, True)
    assert desk.share_of(second).problem == "not shared: am has no allow_write = true"


def test_the_thread_begins_again_where_it_could_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[Told] = []

    class Turns(Sharer):
        def __init__(self) -> None:
            """Needs nothing."""

        def turn(self, told: Told) -> bool:
            turns.append(told)
            return False

        def stop(self) -> None:
            """Nothing is under way."""

        def close(self) -> None:
            """Nothing is open."""

    makes = iter((OSError("no such directory"), Turns()))

    def make() -> Sharer:
        made = next(makes)
        if isinstance(made, Exception):
            raise made
        return made

    monkeypatch.setattr(sharingthread, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(sharingthread, "IDLE_SECONDS", 0.01)
    thread = SharingThread(lambda: True, make)
    thread.saw((), ())
    wait_until(lambda: bool(turns), message="no turn")
    thread.stop()
