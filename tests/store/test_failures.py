"""The store when the disk, the file, the process or the rights fail."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store.storehelp import FIRING, NOW, OTHER, fill, needs_root, private, python, store_with_alert
from wfmon.store import database
from wfmon.store.acks import AckStore
from wfmon.store.ballast import SIZE, Ballast
from wfmon.store.errors import StoreError
from wfmon.store.paths import StateDir, state_dir


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@needs_root
def test_on_a_full_disk_the_ballast_is_given_for_an_ack(small_disk: Path) -> None:
    store = store_with_alert(state_dir(str(small_disk), {}))
    fill(small_disk)
    assert store.ack("abc", "joe", NOW).ack.by == "joe"
    assert not (small_disk / "acks.db.ballast").exists()
    assert AckStore(state_dir(str(small_disk), {})).acks(NOW)[0].ack.by == "joe"


@needs_root
def test_an_ack_of_an_alert_that_could_not_be_stored_stores_both(small_disk: Path) -> None:
    store = store_with_alert(state_dir(str(small_disk), {}))
    fill(small_disk)
    for turn in range(200):  # what SQLite had reserved is used up first
        store.observe([FIRING], NOW + 30 * turn)
    store.observe([FIRING, OTHER], NOW + 9000)
    assert store.problem == "disk full"
    assert (small_disk / "acks.db.ballast").exists(), "the ballast is for people"
    assert store.ack(OTHER.id, "joe", NOW + 9000).episode.workflow == "v"


@needs_root
def test_a_disk_that_stays_full_is_told_and_nothing_is_half_done(small_disk: Path) -> None:
    store = store_with_alert(state_dir(str(small_disk), {}))
    (small_disk / "acks.db.ballast").unlink()
    fill(small_disk)
    saved, refused = 0, ""
    while not refused and saved < 500:
        try:
            store.ack("abc", "joe", NOW + saved, comment="c" * 400)
            saved += 1
        except StoreError as error:
            refused = str(error)
    assert refused == "NOT SAVED: disk full"
    trail = [entry.what for entry in store.audit()]
    assert len(trail) == saved
    (small_disk / "filler").unlink()
    assert store.ack("abc", "joe", NOW + 1000).ack.by == "joe"


def test_a_file_that_may_not_grow_is_told(tmp_path: Path) -> None:
    """The same without root: the process may write no file beyond its present size."""
    code = """
import resource, signal, sys
from pathlib import Path
from store.storehelp import NOW, private, store_with_alert
from wfmon.store.errors import StoreError
state = private(Path(sys.argv[1]))
store = store_with_alert(state)
(state.path / "acks.db.ballast").unlink()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = (state.path / "acks.db-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
saved = 0
try:
    for turn in range(50):
        store.ack("abc", "joe", NOW + turn)
        saved += 1
except StoreError as error:
    print(saved, len(store.audit()), error)
"""
    assert resource.RLIMIT_FSIZE is not None
    process = python(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n{code}", str(tmp_path)
    )
    out, err = process.communicate(timeout=60)
    saved, kept, *words = out.split()
    assert saved == kept, err
    assert " ".join(words) in ("NOT SAVED: disk error", "NOT SAVED: disk full"), err


def test_a_reported_ack_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    state = private(tmp_path)
    store_with_alert(state).close()
    code = """
import sys
from wfmon.store.acks import AckStore
from wfmon.store.paths import state_dir
store = AckStore(state_dir(sys.argv[1], {}))
turn = int(sys.argv[2])
while True:
    turn += 1
    store.ack("abc", "joe", 1000000.0, comment=f"note {turn}")
    print(turn, flush=True)
"""
    reported: list[int] = []
    for delay in (0.0, 0.003, 0.011, 0.02, 0.037):
        process = python(code, str(state.path), str(len(reported) and reported[-1] + 1000))
        assert process.stdout is not None
        reported.append(int(process.stdout.readline()))
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        reported += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.wait(30)
    store = AckStore(state)
    trail = [int(entry.comment.removeprefix("note ")) for entry in store.audit()]
    assert set(reported) <= set(trail)
    assert store.acks(NOW)[0].ack.comment == f"note {trail[-1]}", "ack and trail are one transaction"
    assert store.problem is None
    assert store.notes == ()


@pytest.mark.parametrize("damage", [b"this is no database" * 400, None])
def test_a_corrupt_file_is_set_aside_and_told(tmp_path: Path, damage: bytes | None) -> None:
    state = private(tmp_path)
    store = store_with_alert(state)
    store.ack("abc", "joe", NOW)
    store.close()
    path = state.path / "acks.db"
    if damage is None:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(path.stat().st_size - 4096))
    else:
        path.write_bytes(damage)
    fresh = AckStore(state)
    assert fresh.acks(NOW) == ()
    assert "set aside as acks.db.corrupt-" in fresh.notes[0]
    assert len(list(state.path.glob("acks.db.corrupt-*"))) == 1
    fresh.observe([FIRING], NOW)
    assert fresh.ack("abc", "joe", NOW).ack.by == "joe"
    assert fresh.problem is None


def test_a_file_corrupted_under_an_open_store(tmp_path: Path) -> None:
    state = private(tmp_path)
    store, other = store_with_alert(state), AckStore(state)
    store.ack("abc", "joe", NOW)
    other.records(NOW)
    (state.path / "acks.db").rename(state.path / "gone")
    (state.path / "acks.db-wal").unlink()
    (state.path / "acks.db").write_bytes(b"junk" * 4096)
    store.observe([FIRING], NOW + 30)
    assert store.ack("abc", "ann", NOW + 30).ack.by == "ann"
    assert [held.ack.by for held in other.acks(NOW + 30)] == ["ann"]


def test_a_deleted_file_is_begun_anew(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = store_with_alert(state)
    for file in state.path.iterdir():
        file.unlink()
    store.observe([FIRING], NOW + 1)
    assert store.ack("abc", "joe", NOW + 1).ack.by == "joe"
    assert AckStore(state).acks(NOW + 1)[0].ack.by == "joe"


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    state = private(tmp_path)
    store_with_alert(state).close()
    connection = sqlite3.connect(state.path / "acks.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = AckStore(state)
    assert store.observe([FIRING], NOW) == {}
    assert "newer wfmon-tui" in (store.problem or "")
    with pytest.raises(StoreError, match=r"NOT SAVED: .*newer"):
        store.ack("abc", "joe", NOW)


def test_where_wal_cannot_work_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "on_network", lambda path: True)
    state = private(tmp_path)
    store, other = store_with_alert(state), AckStore(state)
    store.ack("abc", "joe", NOW)
    assert other.acks(NOW)[0].ack.by == "joe"
    assert "journal mode delete" in store.notes[0]
    assert not (state.path / "acks.db-wal").exists()


def test_read_only_reads_and_changes_nothing(tmp_path: Path) -> None:
    state = private(tmp_path)
    store_with_alert(state).ack("abc", "joe", NOW)
    reader = AckStore(state, read_only=True)
    assert reader.acks(NOW)[0].ack.by == "joe"
    assert reader.observe([FIRING, OTHER], NOW + 60)[FIRING.key].last_seen_at == NOW
    with pytest.raises(StoreError, match="--read-only"):
        reader.unack("abc", "joe", NOW)


def test_read_only_without_a_file(tmp_path: Path) -> None:
    reader = AckStore(private(tmp_path), read_only=True)
    assert reader.acks(NOW) == ()
    assert list((tmp_path / "state").iterdir()) == []


AS_UID = """
import os, sys
from wfmon.store.acks import AckStore
from wfmon.store import acting, lookup, shares, waking
from wfmon.store.errors import AckError
from wfmon.store.paths import state_dir
from wfmon.model.alert import Severity
from wfmon.model.episode import Sighting
NOW = 1000000.0
LABELS = (("workflow", "w"),)
FIRING = Sighting("abcdef012345", "failure_rate", LABELS, Severity.WARNING, "32%", NOW, False, "w")
# Only now: the interpreter's own files may be out of reach for other users.
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1])); os.umask(0o077)
store = AckStore(state_dir(sys.argv[3], {}))
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    try:
        if word == "see": store.observe([FIRING], NOW)
        if word == "ack": store.ack("abc", rest, NOW)
        if word == "unack": store.unack("abc", rest, NOW)
        held = store.acks(NOW)
        print(store.problem, store.shared, *[each.ack.by for each in held], flush=True)
    except AckError as error:
        print(error, flush=True)
"""


class Person:
    """A process of another user that holds the store open."""

    def __init__(self, uid: int, gid: int, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", AS_UID, str(uid), str(gid), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def does(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def leaves(self) -> None:
        self._process.communicate(timeout=30)


@needs_root
def test_two_users_of_one_group_share_acks(group_dir: Path) -> None:
    joe, ann = Person(61001, 61000, group_dir), Person(61002, 61000, group_dir)
    try:
        assert joe.does("see") == "None True"
        assert joe.does("ack joe") == "None True joe"
        started = time.monotonic()
        assert ann.does("look") == "None True joe"
        assert time.monotonic() - started < 20
        assert ann.does("ack ann").startswith("abcdef012345: joe has it until")
        assert joe.does("unack joe") == "None True"
        assert ann.does("ack ann") == "None True ann"
        assert joe.does("look") == "None True ann"
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in group_dir.iterdir()}
        assert set(modes.values()) == {0o660}, modes
        assert {file.stat().st_gid for file in group_dir.iterdir()} == {61000}
    finally:
        joe.leaves()
        ann.leaves()


@needs_root
def test_a_directory_that_may_only_be_read_is_still_read(group_dir: Path) -> None:
    joe = Person(61001, 61000, group_dir)
    joe.does("see")
    joe.does("ack joe")
    joe.leaves()
    group_dir.chmod(0o755)
    (group_dir / "acks.db").chmod(0o644)
    stranger = Person(61009, 61009, group_dir)
    try:
        assert stranger.does("look").endswith("is not writable False joe")
        assert stranger.does("ack eve").startswith("NOT SAVED: ")
    finally:
        stranger.leaves()


@needs_root
def test_a_disk_that_turns_read_only(small_disk: Path) -> None:
    state = state_dir(str(small_disk), {})
    store = store_with_alert(state)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=False)
    if os.access(small_disk, os.W_OK):
        store.close()
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="NOT SAVED"):
        store.ack("abc", "joe", NOW)
    again = AckStore(state_dir(str(small_disk), {}))
    assert "not writable" in (again.problem or "")
    assert FIRING.key in again.records(NOW)


def test_another_process_is_seen_within_two_seconds(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = store_with_alert(state)
    code = """
import sys, time
from wfmon.store.acks import AckStore
from wfmon.store.paths import state_dir
AckStore(state_dir(sys.argv[1], {})).ack("abc", "ann", 1000000.0)
print(time.time(), flush=True)
"""
    process = python(code, str(state.path))
    wait_for(lambda: store.records(NOW)[FIRING.key].ack is not None)
    seen = time.time()
    out, err = process.communicate(timeout=30)
    assert seen - float(out) < 2.0, err


def test_the_ballast_is_whole_or_not_there(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "b", 0o600)
    assert ballast.hold()
    assert (tmp_path / "b").stat().st_size == SIZE
    assert ballast.free()
    assert not ballast.free()
    assert not Ballast(tmp_path / "none" / "b", 0o600).hold()


def test_a_state_directory_with_a_problem_says_not_saved(tmp_path: Path) -> None:
    store = AckStore(StateDir(tmp_path, problem="x is not writable"))
    assert store.observe([FIRING], NOW) == {}
    assert store.problem == "x is not writable"
    with pytest.raises(StoreError, match="NOT SAVED: x is not writable"):
        store.ack("abc", "joe", NOW)
