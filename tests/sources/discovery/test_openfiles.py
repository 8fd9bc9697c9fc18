"""What processes hold open: real processes, real files, and the eyes of other users."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.found import holding, seen_by
from support.users import ANN, BEN
from wfmon.sources.discovery.facts import LogFile, Refused
from wfmon.sources.discovery.openfiles import (
    Descriptors,
    OpenFiles,
    Wanted,
    first_bytes,
    looks_json,
    looks_logged,
    read_open_files,
)
from wfmon.sources.discovery.processes import read_processes, words_of

RECORD = '{"workflow": "invoice", "status": "success"}\n'
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: other users")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where every user may look."""
    made = Path(tempfile.mkdtemp(prefix="wfmon-found-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def held(pid: int, *, plain: bool = False, within: str = "", never: tuple[str, ...] = ()) -> list[LogFile]:
    return read_open_files({pid: Wanted(plain, within)}, never).files


def test_a_script_and_its_json_lines(folder: Path) -> None:
    log = folder / "runs.jsonl"
    log.write_text(RECORD)
    with holding(folder / "invoice.py", f"a={log}") as script:
        assert held(script.pid) == [LogFile(str(log), script.pid)]
        processes, blind = read_processes()
        found = next(each for each in processes if each.pid == script.pid)
        assert found.command == ("python3", str(folder / "invoice.py"))
        assert found.uid == os.geteuid()
        assert not blind
    assert held(script.pid) == [], "it has ended"


def test_what_is_no_log_is_not_taken(folder: Path) -> None:
    data, database, plain = folder / "data.jsonl", folder / "a.db", folder / "app.log"
    data.write_text(RECORD)
    database.write_bytes(b"SQLite format 3\0" + bytes(100))
    plain.write_text("2026-03-01 14:03:27 INFO begun\n")
    words = (f"r={data}", f"a={database}", f"a={plain}", f"a={folder / 'notes.txt'}")
    with holding(folder / "invoice.py", *words) as script:
        found = held(script.pid)
        assert found == [LogFile(str(plain), script.pid, Refused.PLAIN)], "of a script plain text is told"
        assert held(script.pid, plain=True) == [LogFile(str(plain), script.pid)]
        assert held(script.pid, plain=True, within="/elsewhere/") == []
        assert held(script.pid, plain=True, never=(str(folder),)) == [], "what is our own"


def test_a_log_without_a_telling_name_is_known_by_its_first_line(folder: Path) -> None:
    log = folder / "nohup.out"
    log.write_text(RECORD)
    with holding(folder / "invoice.py", f"a={log}") as script:
        assert [each.path for each in held(script.pid)] == [str(log)]


def test_nothing_but_regular_files_is_opened(folder: Path) -> None:
    """A FIFO that were opened would wait for its other end, or take a line from whom it is for."""
    fifo = folder / "runs.jsonl"
    os.mkfifo(fifo)
    descriptor = os.open(fifo, os.O_RDWR)
    try:
        os.write(descriptor, RECORD.encode())
        assert held(os.getpid(), plain=True, within=str(folder)) == []
        assert os.read(descriptor, 1000) == RECORD.encode(), "nobody took it"
    finally:
        os.close(descriptor)


def test_a_path_that_leads_elsewhere_now_is_not_followed(folder: Path) -> None:
    log, secret = folder / "runs.jsonl", folder / "secret.jsonl"
    log.write_text(RECORD)
    secret.write_text('{"password": "x"}\n')
    with holding(folder / "invoice.py", f"a={log}") as script:
        log.rename(folder / "gone")
        (folder / "runs.jsonl").symlink_to(secret)
        (folder / "gone").rename(folder / "runs.jsonl.1")
        assert [each.path for each in held(script.pid)] == [str(folder / "runs.jsonl.1")]
        (folder / "runs.jsonl.1").unlink()
        assert held(script.pid) == [], "deleted files hold no log that can be read"


def test_what_stands_at_the_path_is_looked_at_before_it_is_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container the same path is another file, and may be a FIFO here."""
    log, fifo = folder / "runs.jsonl", folder / "fifo"
    log.write_text(RECORD)
    os.mkfifo(fifo)
    held = log.stat()
    assert first_bytes(str(log), held) == RECORD.encode()
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    for path in (fifo, folder):
        with pytest.raises(OSError, match="Stale"):
            first_bytes(str(path), held)


@needs_root
def test_another_user_is_told_what_is_denied(folder: Path) -> None:
    log = folder / "runs.jsonl"
    log.write_text(RECORD)
    os.chown(log, ANN, ANN)
    log.chmod(0o640)
    with holding(folder / "invoice.py", f"a={log}", uid=ANN) as script:
        wanted = {script.pid: Wanted(False)}
        as_root = read_open_files(wanted)
        assert [each.refused for each in as_root.files] == [None]
        own = seen_by(ANN, lambda: read_open_files(wanted))
        assert ([each.refused for each in own.files], own.denied) == ([None], set())
        third = seen_by(BEN, lambda: read_open_files(wanted))
        assert (third.files, third.denied) == ([], {script.pid})


@needs_root
def test_a_file_that_only_its_group_may_read(folder: Path) -> None:
    """A service that was started by root writes as another: the process is seen, its file is not."""
    log = folder / "runs.jsonl"
    log.write_text(RECORD)
    os.chown(log, 0, BEN)
    log.chmod(0o640)
    with log.open("a"):
        wanted = {os.getpid(): Wanted(False, within=str(folder))}

        def look() -> OpenFiles:
            return read_open_files({os.getpid(): Wanted(False, within=str(folder))})

        assert [each.refused for each in read_open_files(wanted).files] == [None]
        (found,) = seen_by(ANN, look).files
        assert (found.refused, found.gid, found.group_reads) == (Refused.DENIED, BEN, True)
        assert [each.refused for each in seen_by(ANN, look, groups=[BEN]).files] == [None]


def test_an_end_in_the_middle_is_no_error(tmp_path: Path) -> None:
    assert read_open_files({2**22 + 1: Wanted(True)}).files == []


@pytest.mark.parametrize(
    ("first", "json", "logged"),
    [
        (b'{"a": 1}\n', True, False),
        (b"\xef\xbb\xbf{}\n", True, False),
        (b'banner\n{"a": 1}\n', True, False),
        (b'{"long": "' + b"x" * 5000, True, False),
        (b"{not json}\n", False, False),
        (b"[" * 4096, False, False),
        (b"2026-03-01T14:03:27Z INFO x\n", False, True),
        (b"[2026-03-01 14:03:27,120: INFO/MainProcess] x\n", False, True),
        (b"Mar  1 14:03:27 host app: x\n", False, True),
        (b'level=info ts=2026 msg="a b"\n', False, True),
        (b"", False, False),
        (b"\x7fELF\0\0", False, False),
    ],
)
def test_what_first_lines_look_like(first: bytes, json: bool, logged: bool) -> None:
    assert (looks_json(first[:4096]), looks_logged(first[:4096])) == (json, logged)


@given(st.binary(max_size=500))
def test_no_bytes_are_too_odd(raw: bytes) -> None:
    looks_json(raw)
    looks_logged(raw)
    words_of(raw)


def test_a_look_that_takes_too_long_goes_on_where_it_ended(folder: Path) -> None:
    """Known systems first; what did not fit is the first of the next look; what was seen stays seen."""
    logs = [folder / f"{n}.jsonl" for n in range(4)]
    for log in logs:
        log.write_text(RECORD)
    with ExitStack() as stack:
        scripts = [stack.enter_context(holding(folder / f"{n}.py", f"a={log}")) for n, log in enumerate(logs)]
        wanted = {script.pid: Wanted(plain=n == 2) for n, script in enumerate(scripts)}
        ticks = iter(range(1000))
        descriptors = Descriptors(budget=1.5, spent=lambda: next(ticks))
        first = descriptors.look(wanted)
        assert ([file.path for file in first.files], first.later) == ([str(logs[2])], 3)
        second = descriptors.look(wanted)
        assert (sorted(file.path for file in second.files), second.later) == ([str(logs[0]), str(logs[2])], 2)
        for _ in range(2):
            last = descriptors.look(wanted)
        assert (sorted(file.path for file in last.files), last.later) == (list(map(str, logs)), 0)
        del wanted[scripts[0].pid]
        gone = descriptors.look(wanted)
        assert str(logs[0]) not in {file.path for file in gone.files}


def test_what_became_another_process_is_looked_at_anew(folder: Path) -> None:
    log = folder / "runs.jsonl"
    log.write_text(RECORD)
    with holding(folder / "invoice.py", f"a={log}") as script:
        descriptors = Descriptors(budget=0.0, spent=lambda: 0.0)
        assert descriptors.look({script.pid: Wanted(False, command=("a",))}).later == 1
        whole = Descriptors()
        assert len(whole.look({script.pid: Wanted(False, command=("a",))}).files) == 1
        assert len(whole.look({script.pid: Wanted(False, within="/no/", command=("b",))}).files) == 0
