"""The state directory fills up, is read-only, or its history is spoilt or gone, while people look."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.conftest import small_disk  # noqa: F401
from store.storehelp import fill, needs_root
from support.kept import newest_looks, read_kept
from support.program import Program
from support.relay import Relay, relay
from support.shopfloor import NAME, ShopFloor, shop_floor
from support.waiting import wait_until

pytestmark = pytest.mark.pty

ALERT = r"failure_rate +invoice_extract"
RUNS = r"(\d+) runs"


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[ShopFloor]:
    with shop_floor(tmp_path) as made:
        yield made


def program(floor: ShopFloor, state: Path) -> Program:
    words = ("--config", str(floor.config), "--state-dir", str(state))
    return Program(floor.config.parent, words)


def begun(floor: ShopFloor, crew: Relay) -> None:
    """Everything is watched, so that what happens from now on is counted whole."""
    wait_until(lambda: len(newest_looks(crew.state)) == 1, timeout=30, message="the target is watched")
    floor.work(8)
    floor.work(12, failed=True)


def wait_kept(floor: ShopFloor, state: Path) -> None:
    wait_until(lambda: floor.is_kept(state), timeout=30, pause=0.2)


def wait_seen(crew: Relay, floor: ShopFloor) -> None:
    """A third process is served with the newest figures by whoever collects."""

    def seen() -> bool:
        told = crew.program.run("snapshot", "--json").json
        assert told["collector"]["self"] is False
        (row,) = told["workflows"]
        assert sum(row["runs"].values()) == floor.done, row["runs"]
        return True

    wait_until(seen, timeout=30, pause=0.3)


@needs_root
def test_a_full_disk_is_told_and_afterwards_nothing_is_missing(
    floor: ShopFloor,
    small_disk: Path,  # noqa: F811
) -> None:
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    state = small_disk / "state"
    with relay(program(floor, state), state, 1) as crew:
        recorder = crew.record()
        crew.wait_up(recorder)
        reader = crew.watch()
        screen = reader.terminal
        begun(floor, crew)
        wait_kept(floor, state)
        screen.wait_for(rf"^[✖▲] {ALERT}", timeout=40)
        fill(small_disk)
        floor.work(3)

        # It is told by who collects, and to who reads; and it does not keep anybody from reading.
        wait_until(lambda: "history is not kept: disk full" in recorder.said, timeout=30)
        screen.wait_for(r"history not kept: disk full", timeout=20)
        screen.send("S")
        screen.wait_for(r"^problem +disk full$", timeout=20)
        screen.send("esc")
        wait_seen(crew, floor)

        # An ack is saved all the same.
        screen.send("a")
        screen.wait_for(rf"^◆ {ALERT}.*acked tester", timeout=20)
        screen.send("esc")
        (ack,) = crew.program.run("acks", "--json").json
        assert ack["by"] == "tester"

        # Another goes on where nothing can be written, and knows as much.
        fill(small_disk)
        floor.work(4, failed=True)
        wait_seen(crew, floor)
        crew.end(recorder, signal.SIGKILL)
        floor.work(2)
        wait_seen(crew, floor)
        screen.wait_for(rf"^◆ {ALERT}.*acked tester", timeout=20)
        screen.wait_for(r"history not kept: disk full", timeout=20)

        # Room again: what was waiting is written.
        (small_disk / "filler").unlink()
        floor.work(1)
        wait_kept(floor, state)
        screen.wait_gone(r"history not kept", timeout=20)
        screen.send("q")
        assert screen.wait_exit() == 0
    with relay(program(floor, state), state, 1) as crew:
        recorder = crew.record()
        crew.wait_up(recorder)
        began = time.time()
        wait_until(lambda: min(newest_looks(state)) > began, timeout=30)
        assert floor.is_kept(state), "whoever comes later finds nothing to count again"


@needs_root
def test_a_read_only_disk_is_looked_at_without_keeping(
    floor: ShopFloor,
    small_disk: Path,  # noqa: F811
) -> None:
    state = small_disk / "state"
    floor.work(8)
    floor.work(12, failed=True)
    with relay(program(floor, state), state, 1) as crew:
        crew.wait_up(crew.record())
        wait_until(lambda: crew.program.run("check").code == 2, timeout=30)
        crew.end_all()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    before = sorted(os.listdir(state))
    lonely = program(floor, state)
    assert lonely.run("check").code == 2
    with lonely.terminal(size=(80, 24)) as screen:
        screen.wait_for(rf"^[✖▲] {ALERT}", timeout=40)
        screen.send("a")
        screen.wait_for(r"NOT SAVED: /")
        screen.send("S")
        screen.wait_for(r"^Sources +no collector: this process alone")
        screen.wait_for(r"^alone +/[^─]* is not writable")
        screen.send("q", "q")
        assert screen.wait_exit() == 0
    with relay(lonely, state, 1) as crew:
        recorder = crew.record()
        wait_until(lambda: "alone, nothing is kept or shared" in recorder.said, timeout=30)
    assert sorted(os.listdir(state)) == before


def spoil_pages(history: Path) -> None:
    """All but the first two, as far as they are in the file and not in the log beside it."""
    with sqlite3.connect(history) as connection:
        connection.execute("PRAGMA wal_checkpoint(FULL)")
    connection.close()
    with history.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(history.stat().st_size - 4096))


def test_a_history_that_is_spoilt_is_set_aside_and_told(floor: ShopFloor, tmp_path: Path) -> None:
    state = tmp_path / "state-dir"
    with relay(program(floor, state), state, 1) as crew:
        recorder = crew.record()
        crew.wait_up(recorder)
        begun(floor, crew)
        wait_kept(floor, state)
        crew.end(recorder, signal.SIGTERM)
        for tail in ("-wal", "-shm"):
            (state / f"history.db{tail}").unlink(missing_ok=True)
        spoil_pages(state / "history.db")
        second = crew.record()
        crew.wait_up(second)
        reader = crew.watch()
        reader.terminal.wait_for(rf"^[✖▲] {ALERT}", timeout=40)
        wait_until(lambda: "history: history.db was corrupt: set aside as" in second.said, timeout=30)
        reader.terminal.send("S")
        reader.terminal.wait_for(r"^note +history\.db was corrupt: set aside as", timeout=40)
        assert len(list(state.glob("history.db.corrupt-*Z"))) == 1
        assert crew.program.run("acks", "--json").json == []
        floor.work(2)
        wait_until(lambda: newest_looks(state), timeout=30)
        wait_until(lambda: logged_again(floor, state), timeout=30, pause=0.2)


def test_a_history_that_is_deleted_while_it_is_written_is_told(floor: ShopFloor, tmp_path: Path) -> None:
    state = tmp_path / "state-dir"
    with relay(program(floor, state), state, 1) as crew:
        recorder = crew.record()
        crew.wait_up(recorder)
        begun(floor, crew)
        wait_kept(floor, state)
        for file in state.glob("history.db*"):
            file.unlink()
        floor.work(3)
        wait_until(lambda: "history: history.db was deleted" in recorder.said, timeout=40)
        wait_until(lambda: len(newest_looks(state)) == 1, timeout=30)
        wait_seen(crew, floor)


def logged_again(floor: ShopFloor, state: Path) -> bool:
    """What the logs still hold is in the history again."""
    assert sorted(run.id for run in read_kept(state, [NAME]).runs[NAME]) == sorted(floor.ids)
    return True
