"""The file that shows the collector's last snapshot: whole or not at all, whatever is in it."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.storehelp import fill, needs_root, private, python
from support.waiting import wait_until
from wfmon.store import livefile
from wfmon.store.errors import StoreError, Superseded
from wfmon.store.lanes import LIVE, Lane
from wfmon.store.livefile import _HEADER_SIZE, LARGEST, Live, LiveReader, LiveWriter
from wfmon.store.paths import StateDir, state_dir

NOW = 1_800_000_000.0
KEY = "abcdef012345"


def a_lane(path: Path) -> Lane:
    return Lane(KEY, private(path), root=True)


def parts(seed: int, count: int = 50) -> list[bytes]:
    rng = random.Random(seed)
    return [rng.randbytes(rng.randrange(200)) for _ in range(count)]


def test_what_is_published_is_seen_and_a_beat_changes_only_the_beat(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    reader, writer = LiveReader(lane), LiveWriter(lane, 7, 1)
    assert (reader.look(), reader.problem) == (None, None)
    writer.beat(NOW)
    assert reader.look() is None
    writer.publish(parts(1), NOW)
    first = reader.look()
    assert first == Live(NOW, 1, 7, 1, tuple(parts(1)))
    assert reader.look() is first
    writer.beat(NOW + 1)
    second = reader.look()
    assert second is not None
    assert first is not None
    assert (second.beat, second.sequence) == (NOW + 1, 1)
    assert second.chunks is first.chunks
    writer.publish([], NOW + 2)
    assert reader.look() == Live(NOW + 2, 2, 7, 1, ())
    assert stat.S_IMODE((lane.state.path / LIVE).stat().st_mode) == 0o600
    writer.close()
    assert LiveReader(lane).look() == Live(NOW + 2, 2, 7, 1, ())


def test_it_grows_where_more_is_to_be_told(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    reader, writer = LiveReader(lane), LiveWriter(lane, 7, 1)
    for size in (10, 300_000, 10, 2_000_000):
        content = [bytes([size % 251]) * size]
        writer.publish(content, NOW)
        live = reader.look()
        assert live is not None
        assert list(live.chunks) == content
    with pytest.raises(StoreError, match="too much"):
        writer.publish([bytes(LARGEST)], NOW)


def test_the_collector_before_cannot_spoil_what_the_new_one_shows(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    old, new, reader = LiveWriter(lane, 7, 1), LiveWriter(lane, 8, 1), LiveReader(lane)
    old.publish(parts(1), NOW)
    descriptor = old._descriptor
    assert descriptor is not None
    new.publish(parts(2), NOW)
    os.pwrite(descriptor, b"what it was about to write when it was stopped", 0)
    live = reader.look()
    assert live is not None
    assert (live.epoch, live.chunks) == (8, tuple(parts(2)))
    with pytest.raises(Superseded):
        old.publish(parts(3), NOW)
    with pytest.raises(Superseded):
        old.beat(NOW)
    assert reader.look() is live


def test_a_collector_that_dies_while_it_writes_leaves_what_was_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = a_lane(tmp_path)
    writer = LiveWriter(lane, 7, 1)
    writer.publish(parts(1), NOW)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LiveWriter, "_turn", die)
    with pytest.raises(KeyboardInterrupt):
        writer.publish(parts(2), NOW + 1)
    live = LiveReader(lane).look()
    assert live is not None
    assert live.chunks == tuple(parts(1))


def test_a_file_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    writer, reader = LiveWriter(lane, 7, 1), LiveReader(lane)
    writer.publish(parts(1), NOW)
    (lane.state.path / LIVE).unlink()
    assert reader.look() is None
    writer.beat(NOW + 1)
    live = reader.look()
    assert live is not None
    assert (live.beat, live.chunks) == (NOW + 1, tuple(parts(1)))


def test_what_another_lane_shows_is_not_ours(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    LiveWriter(replace(lane, key="999999999999"), 7, 1).publish(parts(1), NOW)
    reader = LiveReader(lane)
    assert reader.look() is None
    assert "other settings" in (reader.problem or "")


def test_on_a_full_disk_it_goes_on_and_a_new_collector_too(small_disk: Path) -> None:
    lane = Lane(KEY, StateDir(small_disk), root=True)
    writer, reader = LiveWriter(lane, 7, 1), LiveReader(lane)
    writer.publish(parts(1), NOW)
    fill(small_disk)
    for number in range(5):
        writer.publish([os.urandom(200_000), bytes([number])], NOW)
    live = reader.look()
    assert live is not None
    assert live.chunks[1] == b"\x04"
    heir = LiveWriter(lane, 8, 1)
    heir.publish(parts(2), NOW + 1)
    heir.publish(parts(3), NOW + 2)
    found = reader.look()
    assert found is not None
    assert (found.epoch, found.chunks) == (8, tuple(parts(3)))
    with pytest.raises(StoreError, match="disk full"):
        heir.publish([os.urandom(500_000)], NOW)
    assert LiveReader(lane).look() == found


def test_without_a_file_and_without_room_it_says_so(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(StoreError, match="disk full"):
        LiveWriter(Lane(KEY, StateDir(small_disk), root=True), 7, 1).publish(parts(1), NOW)
    assert not [path.name for path in small_disk.iterdir() if path.name.endswith(".tmp")]


def test_where_room_cannot_be_taken_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    lane = a_lane(tmp_path)
    LiveWriter(lane, 7, 1).publish(parts(1), NOW)
    file = (lane.state.path / LIVE).stat()
    assert file.st_blocks * 512 >= 2 * 256 * 1024
    assert LiveReader(lane).look() is not None


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "empty", "short", "zeros", "text"])
def test_what_is_no_live_file_is_told(tmp_path: Path, kind: str) -> None:
    lane = a_lane(tmp_path)
    path = lane.state.path / LIVE
    if kind == "link":
        LiveWriter(lane, 7, 1).publish(parts(1), NOW)
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "short": b"wf", "zeros": bytes(9000), "text": b"x" * 9000}[kind])
    reader = LiveReader(lane)
    assert reader.look() is None
    assert reader.problem is not None
    assert reader.problem.startswith("live: ")
    if kind not in ("directory",):
        LiveWriter(lane, 8, 1).publish(parts(2), NOW)
        assert reader.look() is not None
        assert reader.problem is None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lane, bytes]:
    lane = a_lane(tmp_path_factory.mktemp("live"))
    writer = LiveWriter(lane, 7, 1)
    writer.publish(parts(1), NOW)
    writer.publish(parts(2), NOW)
    return lane, (lane.state.path / LIVE).read_bytes()


@given(
    place=st.one_of(
        st.integers(0, _HEADER_SIZE - 1), st.integers(4096, 4096 + 9000), st.integers(0, 530_000)
    ),
    mask=st.integers(1, 255),
    cut=st.one_of(st.none(), st.integers(0, 300_000)),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_bit_and_no_cut_is_taken_for_a_snapshot(
    written: tuple[Lane, bytes], place: int, mask: int, cut: int | None
) -> None:
    lane, whole = written
    damaged = bytearray(whole)
    damaged[place % len(damaged)] ^= mask
    path = lane.state.path / LIVE
    path.write_bytes(damaged if cut is None else damaged[:cut])
    reader = LiveReader(lane)
    live = reader.look()
    assert live is None or live == Live(NOW, 2, 7, 1, tuple(parts(2)))
    assert (live is None) == (reader.problem is not None)
    reader.close()


@pytest.mark.parametrize(
    "change",
    [
        {"slot": 2},
        {"slot": 2**32 - 1},
        {"room": 2**63},
        {"room": 0},
        {"length": 2**40},
        {"length": LARGEST + 1, "room": 2 * LARGEST},
        {"length": 3},
        {"sequence": 0},
        {"sequence": 2**63},
        {"epoch": 2**63},
        {"beat": float("nan")},
        {"beat": float("inf")},
        {"beat": -1.0},
    ],
)
def test_no_header_with_a_valid_checksum_is_trusted(tmp_path: Path, change: dict[str, int]) -> None:
    lane = a_lane(tmp_path)
    writer = LiveWriter(lane, 7, 1)
    writer.publish(parts(1), NOW)
    path = lane.state.path / LIVE
    with path.open("r+b") as file:
        file.write(livefile._encoded(replace_head(writer, change)))
    reader = LiveReader(lane)
    assert reader.look() is None
    assert reader.problem == "live: not whole"


def replace_head(writer: LiveWriter, change: dict[str, int]) -> livefile._Head:
    fields = {name: getattr(writer._head, name) for name in livefile._Head.__slots__}
    return livefile._Head(**(fields | change))


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xff\xff\xff", b"\x02\0\0\0\x01\0\0\0", b"\x01\0\0\0\x09\0\0\0x"]
)
def test_no_list_of_chunks_with_a_valid_checksum_is_trusted(tmp_path: Path, payload: bytes) -> None:
    lane = a_lane(tmp_path)
    writer = LiveWriter(lane, 7, 1)
    writer.publish(parts(1), NOW)
    head = replace_head(writer, {"length": len(payload), "crc": zlib.crc32(payload), "slot": 0})
    with (lane.state.path / LIVE).open("r+b") as file:
        file.write(livefile._encoded(head))
        file.seek(4096)
        file.write(payload)
    assert LiveReader(lane).look() is None


def test_a_reader_never_sees_half_of_it_while_it_is_written(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    process = python(WRITE, str(lane.state.path))
    reader, seen = LiveReader(lane), set()
    try:
        wait_until(reader.look)
        for _ in range(3000):
            live = reader.look()
            if live is None:
                assert reader.problem == "live: not whole"  # five looks were five times too late
                continue
            (number,) = set(b"".join(live.chunks))
            assert live.sequence % 251 == number
            seen.add(live.sequence)
    finally:
        process.kill()
        process.communicate(timeout=20)
    assert len(seen) > 10


WRITE = """
import sys, time
from pathlib import Path
from wfmon.store.lanes import Lane
from wfmon.store.livefile import LiveWriter
from wfmon.store.paths import StateDir
writer = LiveWriter(Lane("abcdef012345", StateDir(Path(sys.argv[1])), True), 7, 1)
number = 0
while True:
    number += 1
    writer.publish([bytes([number % 251]) * 20_000] * 3, 5.0)
"""


def test_threads_of_a_process_may_each_look(tmp_path: Path) -> None:
    lane = a_lane(tmp_path)
    LiveWriter(lane, 7, 1).publish(parts(1), NOW)
    found: list[Live | None] = []
    threads = [threading.Thread(target=lambda: found.append(LiveReader(lane).look())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [live.chunks for live in found if live is not None] == [tuple(parts(1))] * 4


AS_READER = """
import os, sys
from pathlib import Path
from wfmon.store.lanes import Lane
from wfmon.store.livefile import LiveReader, LiveWriter
from wfmon.store.errors import StoreError
from wfmon.store.paths import StateDir
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(61009)
lane = Lane("abcdef012345", StateDir(Path(sys.argv[1]), True), True)
live = LiveReader(lane).look()
print(live and live.chunks)
try:
    LiveWriter(lane, live.epoch + 1 if live else 1, 1).publish([b"mine"], 6.0)
    print("published")
except StoreError as error:
    print(error.reason)
"""


@needs_root
def test_other_users_read_it_and_who_may_write_takes_over(group_dir: Path) -> None:
    lane = Lane(KEY, state_dir(str(group_dir), {}), root=True)
    LiveWriter(lane, 7, 1).publish([b"a"], NOW)

    def stranger(group: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", AS_READER, str(group_dir), str(group)],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout.splitlines()

    assert stranger(61000) == ["(b'a',)", "published"]
    live = LiveReader(lane).look()
    assert live is not None
    assert live.chunks == (b"mine",)
    group_dir.chmod(0o755)
    (group_dir / LIVE).chmod(0o644)
    assert stranger(61009) == ["(b'mine',)", "live: permission denied"]
