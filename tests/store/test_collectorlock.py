"""The lock of the collector: one holder, told to all, freed by death, taken from who hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store.storehelp import needs_root, private, python
from support.waiting import wait_until
from wfmon.store.collectorlock import LAST_EPOCH, NOT_TOLD, CollectorLock, Holder
from wfmon.store.lanes import LOCK, Lane
from wfmon.store.paths import StateDir, state_dir

NOW = 1_800_000_000.0


def a_lane(path: Path) -> Lane:
    return Lane("abcdef012345", private(path), root=True)


def test_one_holds_it_and_the_others_see_who(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    one, two = CollectorLock(lane), CollectorLock(lane)
    assert (one.holder(), one.held()) == (None, False)
    epoch = one.take("joe", "1.2", NOW)
    assert epoch == int(NOW * 1e9)
    holder = Holder(os.getpid(), "joe", "1.2", NOW, lane.key, epoch)
    assert (one.holder(), two.holder()) == (holder, holder)
    assert one.take("joe", "1.2", NOW + 1) == epoch
    assert (one.held(), two.held()) == (True, False)
    assert two.take("ann", "1.2", NOW) is None
    assert two.problem is None
    one.release()
    assert (two.holder(), one.held()) == (None, False)


def test_an_epoch_grows_also_when_the_clock_goes_back(tmp_path: Path) -> None:
    lock = CollectorLock(a_lane(tmp_path))
    first = lock.take("joe", "1", NOW)
    lock.release()
    second = lock.take("joe", "1", NOW - 86400)
    lock.release()
    third = lock.take("joe", "1", NOW + 1)
    assert first is not None
    assert second == first + 1
    assert third == int((NOW + 1) * 1e9)


HOLD = """
import sys, time
from pathlib import Path
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.lanes import Lane
from wfmon.store.paths import StateDir
lock = CollectorLock(Lane("abcdef012345", StateDir(Path(sys.argv[1])), True))
print(lock.take("joe", "1", time.time()), flush=True)
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
import os
forked = os.fork()
if not forked:
    time.sleep(60)
    os._exit(0)
print(child.pid, forked, flush=True)
time.sleep(60)
"""


def test_death_frees_it_though_children_live_on(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    process = python(HOLD, str(lane.state.path))
    assert process.stdout is not None
    children: list[int] = []
    try:
        epoch = int(process.stdout.readline())
        children = [int(pid) for pid in process.stdout.readline().split()]
        lock = CollectorLock(lane)
        assert lock.take("ann", "1", NOW) is None
        holder = lock.holder()
        assert holder is not None
        assert (holder.pid, holder.epoch) == (process.pid, epoch)
        process.kill()
        process.wait(10)
        for pid in children:
            os.kill(pid, 0)
        taken = wait_until(lambda: lock.take("ann", "1", NOW), timeout=2)
        assert taken > epoch
    finally:
        process.kill()
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def test_who_hangs_is_replaced_and_finds_out(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    hung, heir, late = CollectorLock(lane), CollectorLock(lane), CollectorLock(lane)
    first = hung.take("joe", "1", NOW)
    seen = heir.holder()
    assert seen is not None
    heir.take("ann", "2", NOW)
    second = heir.replace_hung(seen, NOW - 50)
    assert first is not None
    assert second == first + 1
    assert (hung.held(), heir.held()) == (False, True)
    assert late.replace_hung(seen, NOW) is None
    assert late.take("eva", "1", NOW) is None
    found = late.holder()
    assert found is not None
    assert (found.user, found.version, found.epoch) == ("ann", "2", second)
    hung.release()
    assert late.holder() == found
    assert hung.take("joe", "1", NOW) is None


def test_nobody_is_replaced_who_has_died_already(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    one, two = CollectorLock(lane), CollectorLock(lane)
    one.take("joe", "1", NOW)
    seen = two.holder()
    assert seen is not None
    one.release()
    assert two.replace_hung(seen, NOW) is None
    assert two.take("ann", "1", NOW) is not None


def test_of_several_that_replace_at_once_one_wins(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    hung = CollectorLock(lane)
    hung.take("joe", "1", NOW)
    code = """
import sys, time
from pathlib import Path
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.lanes import Lane
from wfmon.store.paths import StateDir
lock = CollectorLock(Lane("abcdef012345", StateDir(Path(sys.argv[1])), True))
seen = lock.holder()
print("ready", flush=True)
sys.stdin.readline()
print(lock.replace_hung(seen, time.time()) is not None, flush=True)
sys.stdin.readline()
"""
    processes = [python(code, str(lane.state.path)) for _ in range(4)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        won = [process.stdout.readline() for process in processes if process.stdout is not None]
        assert sorted(won) == ["False\n"] * 3 + ["True\n"]
        assert not hung.held()
    finally:
        for process in processes:
            process.communicate("\n", timeout=20)


def test_who_took_the_old_file_just_before_it_was_replaced_has_an_older_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder dies and another takes its file, between the look at it and its replacement."""
    lane = a_lane(tmp_path)
    hung, quick, heir = CollectorLock(lane), CollectorLock(lane), CollectorLock(lane)
    hung.take("joe", "1", NOW)
    seen = heir.holder()
    assert seen is not None
    between: list[int | None] = []
    looked = CollectorLock._other

    def look_and_die(self: CollectorLock) -> Holder | None:
        found = looked(self)
        if not between:
            hung.release()
            between.append(quick.take("eva", "1", NOW + 99))
        return found

    monkeypatch.setattr(CollectorLock, "_other", look_and_die)
    epoch = heir.replace_hung(seen, NOW)
    assert between[0] is not None
    assert epoch == between[0] + 1
    assert (quick.held(), heir.held()) == (False, True)


def test_who_was_replaced_before_it_told_its_epoch_does_not_hold_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = a_lane(tmp_path)
    hung, quick, heir = CollectorLock(lane), CollectorLock(lane), CollectorLock(lane)
    hung.take("joe", "1", NOW)
    seen = heir.holder()
    assert seen is not None
    hung.release()
    won: list[int | None] = []
    writes = CollectorLock._write

    def replaced_first(self: CollectorLock, descriptor: int, before: int, now: float) -> int:
        if self is quick and not won:
            won.append(heir.replace_hung(seen, NOW))
        return writes(self, descriptor, before, now)

    monkeypatch.setattr(CollectorLock, "_write", replaced_first)
    assert quick.take("eva", "1", NOW + 99) is None
    assert won[0] is not None
    found = quick.holder()
    assert found is not None
    assert found.epoch == won[0]
    assert heir.held()


def test_a_lock_that_was_taken_away_is_not_held(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    lock = CollectorLock(lane)
    lock.take("joe", "1", NOW)
    (lane.state.path / LOCK).unlink()
    assert not lock.held()
    assert lock.holder() is None
    assert lock.take("joe", "1", NOW) is None
    lock.release()
    assert lock.take("joe", "1", NOW) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff\xfe" * 600,
        b"[" * 900,
        b'{"pid": 1e99, "user": "x", "version": "", "since": 5, "key": "", "epoch": 5}',
        b'{"pid": 1, "user": "x", "version": "", "since": 1e300, "key": "", "epoch": 5}',
        b'{"pid": 1, "user": "x", "version": "", "since": 5, "key": "", "epoch": %d}' % LAST_EPOCH,
        b'{"pid": 1, "user": 5, "version": "", "since": 5, "key": "", "epoch": 5}',
        b"x" * 1_000_000,
    ],
)
def test_a_holder_that_cannot_be_read_is_a_holder_all_the_same(tmp_path: Path, content: bytes) -> None:
    lane = a_lane(tmp_path)
    one, two = CollectorLock(lane), CollectorLock(lane)
    one.take("joe", "1", NOW)
    (lane.state.path / LOCK).write_bytes(content)
    assert two.holder() == NOT_TOLD
    assert two.take("ann", "1", NOW) is None
    one.release()
    assert two.take("ann", "1", NOW) == int(NOW * 1e9)


def test_a_hostile_name_is_made_safe(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    one, two = CollectorLock(lane), CollectorLock(lane)
    one.take("\x1b[2J" + '\U0010ffff"\\' * 500, "\x00" * 500, NOW)
    holder = two.holder()
    assert holder is not None
    assert "\x1b" not in holder.user
    assert (len(holder.user), len(holder.version)) == (80, 80)


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_plain_file_is_told(tmp_path: Path, kind: str) -> None:
    lane = a_lane(tmp_path)
    path = lane.state.path / LOCK
    if kind == "link":
        path.symlink_to(tmp_path / "target")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    lock = CollectorLock(lane)
    assert lock.take("joe", "1", NOW) is None
    assert lock.problem is not None
    assert lock.problem.startswith("collector.lock: ")
    assert lock.holder() is None
    assert not (tmp_path / "target").exists()


def test_a_directory_with_a_problem_is_not_collected_in(tmp_path: Path) -> None:
    lane = Lane("abcdef012345", StateDir(tmp_path, problem="x is not writable"), root=True)
    lock = CollectorLock(lane)
    assert lock.take("joe", "1", NOW) is None
    assert lock.problem == "x is not writable"
    assert list(tmp_path.iterdir()) == []


AS_READER = """
import os, sys
from pathlib import Path
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.lanes import Lane
from wfmon.store.livefile import LiveReader
from wfmon.store.paths import StateDir
import encodings.idna
os.setgroups([]); os.setgid(61009); os.setuid(61009)
lane = Lane("abcdef012345", StateDir(Path(sys.argv[1])), True)
lock = CollectorLock(lane)
holder = lock.holder()
print(holder and holder.user, lock.take("eve", "1", 5.0), lock.problem, LiveReader(lane).look())
"""


@needs_root
def test_who_may_only_read_sees_the_holder_and_cannot_take_it(group_dir: Path) -> None:
    group_dir.chmod(0o755)
    lane = Lane("abcdef012345", state_dir(str(group_dir), {}), root=True)
    lock = CollectorLock(lane)
    lock.take("joe", "1", NOW)
    (group_dir / LOCK).chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-c", AS_READER, str(group_dir)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "joe None collector.lock: permission denied None\n"
    lock.release()
