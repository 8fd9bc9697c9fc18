"""The looks that are kept for the next ``check``: which, how, and what may be wrong with the file."""

from __future__ import annotations

import os
import random
import stat
import zlib
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.storehelp import NOW, fill, needs_root, private, python
from wfmon.model.look import Look, Target
from wfmon.store.paths import StateDir, state_dir
from wfmon.store.scraped import MAX_LINES, MAX_PACKED, SCHEMA, KeptLooks
from wfmon.store.thinning import Keeping

TARGET = Target("0123456789abcdef", "http://127.0.0.1:8000/metrics")
LOOKBACK, LATE = 300.0, 30.0
KEEPING = Keeping.for_windows(300.0, 21600.0, LOOKBACK)


def kept(state: StateDir, *, read_only: bool = False) -> KeptLooks:
    return KeptLooks(state, KEEPING, read_only=read_only)


def file_of(state: StateDir) -> Path:
    return state.path / "scraped" / f"{TARGET.id}.looks"


def look(at: float, text: str = "runs 1") -> Look:
    return Look(at, text.encode())


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def test_what_was_kept_is_what_is_read(tmp_path: Path) -> None:
    state = private(tmp_path)
    looks = [look(NOW - 120, "runs 1\nruns_failed 2"), look(NOW - 60, ""), look(NOW, "runs 3 # é")]
    for each in looks:
        assert kept(state).add(TARGET, each, each.at) is None
    assert kept(state).read(TARGET, NOW + 1) == tuple(looks)
    assert kept(state).read(Target("ffffffffffffffff", ""), NOW + 1) == ()


@given(
    cadence=st.floats(10.0, 300.0),
    late=st.lists(st.floats(0.0, 20.0), min_size=20, max_size=120),
)
def test_however_often_it_is_called_every_window_finds_its_begin(cadence: float, late: list[float]) -> None:
    """The choice alone, without files: at every call the next windows must find a look to begin with."""
    from wfmon.store.scraped import _Row

    store = KeptLooks(StateDir(Path("nowhere")), KEEPING)
    rows: list[_Row] = []
    calls = sorted(NOW + number * cadence + delay for number, delay in enumerate(late))
    for number, now in enumerate(calls):
        for window in (300.0, 600.0, 3600.0, 21600.0) if rows else ():
            base = now - window
            if base >= calls[0]:
                assert base - max(row.at for row in rows if row.at <= base) <= LOOKBACK + LATE
        assert not rows or rows[-1].at == calls[number - 1], "what is born now was not there then"
        rows = store._fitting([*rows, _Row(now, 10, b"x" * 10)]) or []
        recent = [row.at for row in rows if row.at > now - 600.0]
        assert len(recent) <= 42


def test_six_hours_of_calls_stay_few(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = kept(state)
    for number in range(700):
        at = NOW + 60.0 * number
        store.add(TARGET, look(at, f"runs {number}"), at)
    looks = store.read(TARGET, NOW + 60.0 * 699)
    assert 70 <= len(looks) <= 110
    assert max(later.at - first.at for first, later in pairwise(looks)) <= 300.0
    assert looks[0].at == pytest.approx(NOW + 60.0 * 699 - 22200.0, abs=300.0)
    assert file_of(state).stat().st_size < 8_000


def test_looks_of_a_future_that_the_clock_has_left_are_dropped(tmp_path: Path) -> None:
    state = private(tmp_path)
    for at in (NOW - 60, NOW + 3600):
        kept(state).add(TARGET, look(at), at)
    assert [each.at for each in kept(state).read(TARGET, NOW)] == []  # 3660 s apart: a gap
    kept(state).add(TARGET, look(NOW), NOW)
    assert [each.at for each in kept(state).read(TARGET, NOW)] == [NOW]
    kept(state).add(TARGET, look(NOW + 60), NOW + 60)
    assert [each.at for each in kept(state).read(TARGET, NOW + 30)] == [NOW]
    kept(state).add(TARGET, look(NOW + 30), NOW + 30)
    assert [each.at for each in kept(state).read(TARGET, NOW + 9)] == [NOW]


def test_nothing_from_before_a_gap(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = kept(state)
    for at in (NOW, NOW + 60, NOW + 60 + 601, NOW + 60 + 601 + 599):
        store.add(TARGET, look(at), at)
    assert [each.at - NOW for each in store.read(TARGET, NOW + 1300)] == [661, 1260]
    assert store.read(TARGET, NOW + 1260 + 601) == ()


def wrong_files() -> dict[str, bytes]:
    row = [NOW - 60.0, 6, zlib.compress(b"runs 1")]
    pack = msgspec.msgpack.encode
    return {
        "empty": b"",
        "noise": noise(5000),
        "text": b"workflow_executions_total 7\n",
        "torn": pack([SCHEMA, [row, row]])[:-5],
        "too new": pack([SCHEMA + 1, [row], {"more": 1}]),
        "other types": pack([SCHEMA, [["now", 6, b""]]]),
        "no list": pack({"schema": SCHEMA}),
        "no number": pack([SCHEMA, [[float("nan"), 6, row[2]]]]),
        "endless": pack([SCHEMA, [[float("inf"), 6, row[2]]]]),
        "negative": pack([SCHEMA, [[NOW - 60.0, -6, row[2]]]]),
        "not packed": pack([SCHEMA, [[NOW - 60.0, 6, b"runs 1"]]]),
        "bomb": pack([SCHEMA, [[NOW - 60.0, 6, zlib.compress(b"0" * 10_000_000)]]]),
        "honest bomb": pack([SCHEMA, [[NOW - 60.0, MAX_LINES + 1, zlib.compress(b"0" * (MAX_LINES + 1))]]]),
        "shorter than it says": pack([SCHEMA, [[NOW - 60.0, 7, row[2]]]]),
        "deep": b"\x93\x01\x90" + b"\x91" * 1_000_000,
        "huge": bytes(MAX_PACKED + 100_000),
    }


@pytest.mark.parametrize("name", wrong_files())
def test_a_wrong_file_counts_as_none_and_is_replaced(tmp_path: Path, name: str) -> None:
    state = private(tmp_path)
    file_of(state).parent.mkdir()
    file_of(state).write_bytes(wrong_files()[name])
    assert kept(state).read(TARGET, NOW) == ()
    assert kept(state).add(TARGET, look(NOW), NOW) is None
    assert kept(state).read(TARGET, NOW) == (look(NOW),)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    state = private(tmp_path)
    file_of(state).parent.mkdir()
    secret = tmp_path / "elsewhere"
    secret.write_bytes(msgspec.msgpack.encode([SCHEMA, [[NOW - 60.0, 6, zlib.compress(b"runs 1")]]]))
    file_of(state).symlink_to(secret)
    assert kept(state).read(TARGET, NOW) == ()
    file_of(state).unlink()
    os.mkfifo(file_of(state))
    assert kept(state).read(TARGET, NOW) == (), "and does not hang"
    assert kept(state).add(TARGET, look(NOW), NOW) is None
    assert kept(state).read(TARGET, NOW) == (look(NOW),)


def test_a_directory_that_leads_elsewhere_is_not_written_to(tmp_path: Path) -> None:
    state = private(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (state.path / "scraped").symlink_to(tmp_path / "elsewhere")
    assert kept(state).add(TARGET, look(NOW), NOW) == f"{state.path}/scraped: not a directory"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(("mode", "directory", "file"), [(0o700, 0o700, 0o600), (0o2770, 0o2770, 0o660)])
def test_modes_whatever_the_umask(tmp_path: Path, mode: int, directory: int, file: int) -> None:
    path = tmp_path / "state"
    path.mkdir()
    path.chmod(mode)
    state = state_dir(str(path), {})
    before = os.umask(0o077)
    try:
        kept(state).add(TARGET, look(NOW), NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file_of(state).parent.stat().st_mode) == directory
    assert stat.S_IMODE(file_of(state).stat().st_mode) == file


def test_what_is_too_large_is_told_and_leaves_what_was_kept(tmp_path: Path) -> None:
    state = private(tmp_path)
    kept(state).add(TARGET, look(NOW), NOW)
    for lines in (noise(MAX_PACKED + 1), b"0" * (MAX_LINES + 1)):
        problem = kept(state).add(TARGET, Look(NOW + 60, lines), NOW + 60)
        assert problem is not None
        assert problem.startswith(f"{TARGET.shown}: ")
        assert problem.endswith("M of metrics are too much to keep")
    assert kept(state).read(TARGET, NOW + 60) == (look(NOW),)


def test_large_looks_are_kept_thinner(tmp_path: Path) -> None:
    """Up to a quarter of the bound each: what the base window needs stays, the long past goes first."""
    state = private(tmp_path)
    for number in range(40):
        at = NOW + 60.0 * number
        assert kept(state).add(TARGET, Look(at, noise(MAX_PACKED // 5, number)), at) is None
        assert file_of(state).stat().st_size <= MAX_PACKED + 1000
        base = at - 300.0
        if base >= NOW:
            assert any(0 <= base - each.at <= LOOKBACK for each in kept(state).read(TARGET, at))


def test_read_only_writes_nothing_but_tells_what_would_not_fit(tmp_path: Path) -> None:
    state = private(tmp_path)
    assert kept(state, read_only=True).add(TARGET, look(NOW), NOW) is None
    too_large = kept(state, read_only=True).add(TARGET, Look(NOW, noise(MAX_PACKED + 1)), NOW)
    assert too_large is not None
    assert list(state.path.iterdir()) == []


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    state = StateDir(tmp_path, problem="it is not writable")
    assert kept(state).add(TARGET, look(NOW), NOW) == "it is not writable"


@needs_root
def test_a_full_disk_is_told_and_the_old_file_stays_whole(small_disk: Path) -> None:
    state = state_dir(str(small_disk), {})
    kept(state).add(TARGET, look(NOW), NOW)
    fill(small_disk)
    problem = kept(state).add(TARGET, Look(NOW + 60, noise(20_000)), NOW + 60)
    assert problem == f"{small_disk}/scraped: disk full"
    assert kept(state).read(TARGET, NOW + 60) == (look(NOW),)
    assert [path.name for path in file_of(state).parent.iterdir()] == [file_of(state).name]


def test_files_nobody_asks_for_any_more_go(tmp_path: Path) -> None:
    state = private(tmp_path)
    directory = state.path / "scraped"
    directory.mkdir()
    names = {"aaaaaaaaaaaaaaaa.looks", ".aaaaaaaaaaaaaaaa.12ab.tmp", "somebody's notes"}
    for name in names:
        (directory / name).touch()
        os.utime(directory / name, (NOW - 30_000, NOW - 30_000))
    (directory / "bbbbbbbbbbbbbbbb.looks").touch()
    os.utime(directory / "bbbbbbbbbbbbbbbb.looks", (NOW - 100, NOW - 100))
    kept(state).add(TARGET, look(NOW), NOW)
    left = {path.name for path in directory.iterdir()}
    assert left == {"somebody's notes", "bbbbbbbbbbbbbbbb.looks", file_of(state).name}


def test_many_writers_never_leave_half_a_file(tmp_path: Path) -> None:
    state = private(tmp_path)
    code = """
import sys
from pathlib import Path
from wfmon.model.look import Look, Target
from wfmon.store.paths import state_dir
from wfmon.store.scraped import KeptLooks
from wfmon.store.thinning import Keeping
store = KeptLooks(state_dir(sys.argv[1], {}), Keeping.for_windows(300.0, 21600.0, 300.0))
target = Target("0123456789abcdef", "")
for number in range(150):
    at = 1_000_000.0 + number + int(sys.argv[2]) / 10
    problem = store.add(target, Look(at, b"runs %d\\n" % number * 3000), at + 5)
    assert problem is None, problem
"""
    writers = [python(code, str(state.path), str(number)) for number in range(3)]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        if file_of(state).exists():
            looks = kept(state).read(TARGET, NOW + 200)
            assert looks
            assert all(each.lines == b"runs %d\n" % int(each.at - NOW) * 3000 for each in looks)
            seen += 1
    for writer in writers:
        out, err = writer.communicate(timeout=60)
        assert writer.returncode == 0, out + err
    assert seen
    assert [path.name for path in file_of(state).parent.iterdir()] == [file_of(state).name]
