"""Pages of log lines: every anchor, several files, bounds, cancelling, markers."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.logfiles.helpers import NOW, Watched, iso, line, touch, write
from wfmon.model.log import Anchor, Level, LogLine, LogRequest, Mark
from wfmon.sources.logfiles import entries, pages


def row(number: int, level: str = "INFO", run: str = "r1", workflow: str = "w", **fields: object) -> str:
    return line(
        NOW - 5000 + number, level=level, workflow=workflow, run_id=run, message=f"line {number}", **fields
    )


def shown(lines: tuple[LogLine, ...]) -> list[int]:
    return [int(found.message.split()[1]) for found in lines if found.mark is Mark.LINE]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def watched(log: Path) -> Watched:
    """1000 lines of two runs; every hundredth line of r1 is an error."""
    write(
        log,
        *(
            row(
                n,
                "ERROR" if n % 100 == 0 else "INFO",
                "r2" if n % 10 == 5 else "r1",
                step="s" if n % 2 else None,
            )
            for n in range(1000)
        ),
    )
    watched = Watched(log)
    watched.poll()
    return watched


def test_the_newest_lines(watched: Watched) -> None:
    page = watched.page(workflow="w", limit=10)
    assert shown(page.lines) == list(range(990, 1000))
    assert (page.at_end, page.at_start, page.partial, page.behind_seconds) == (True, False, False, 0.0)
    assert page.paths == (str(watched.source.where),)
    assert page.lines[-1].at == NOW - 5000 + 999
    assert page.lines[0].workflow == "w"


def test_paging_back_to_the_start_and_forward_to_the_end(watched: Watched) -> None:
    page = watched.page(workflow="w", limit=64)
    found = shown(page.lines)
    while not page.at_start:
        page = watched.page(workflow="w", limit=64, anchor=Anchor.BEFORE, position=page.start)
        found = shown(page.lines) + found
    assert found == list(range(1000))
    page = watched.page(workflow="w", limit=64, anchor=Anchor.START)
    assert page.at_start
    found = shown(page.lines)
    while not page.at_end:
        page = watched.page(workflow="w", limit=64, anchor=Anchor.AFTER, position=page.end)
        found += shown(page.lines)
    assert found == list(range(1000))


def test_lines_of_one_run(watched: Watched) -> None:
    page = watched.page(workflow="w", run="r2", limit=500)
    assert shown(page.lines) == list(range(5, 1000, 10))
    assert page.at_start
    assert page.at_end
    assert {found.run for found in page.lines} == {"r2"}


def test_following(log: Path, watched: Watched) -> None:
    page = watched.page(workflow="w", limit=10)
    assert watched.page(workflow="w", anchor=Anchor.AFTER, position=page.end).lines == ()
    write(log, row(1000), row(1001))
    watched.poll()
    page = watched.page(workflow="w", anchor=Anchor.AFTER, position=page.end)
    assert shown(page.lines) == [1000, 1001]
    assert page.at_end
    page = watched.page(workflow="w", anchor=Anchor.AFTER, position=page.end)
    assert page.lines == ()


def test_a_follower_that_is_behind_knows_by_how_much(watched: Watched) -> None:
    page = watched.page(workflow="w", anchor=Anchor.START, limit=100)
    assert not page.at_end
    assert page.behind_seconds == 900


def test_the_newest_error(watched: Watched) -> None:
    page = watched.page(workflow="w", anchor=Anchor.NEWEST_ERROR, limit=20)
    assert page.focus is not None
    assert shown((page.lines[page.focus],)) == [900]
    assert page.lines[page.focus].level is Level.ERROR
    numbers = shown(page.lines)
    assert numbers == list(range(numbers[0], numbers[0] + 20))
    assert numbers[0] == 890


def test_previous_and_next_error(watched: Watched) -> None:
    page = watched.page(workflow="w", anchor=Anchor.NEWEST_ERROR, limit=20)
    assert page.focus is not None
    here = page.lines[page.focus]
    page = watched.page(workflow="w", anchor=Anchor.PREVIOUS, position=((here.file, here.offset),), limit=20)
    assert page.focus is not None
    assert shown((page.lines[page.focus],)) == [800]
    page = watched.page(workflow="w", anchor=Anchor.NEXT, position=((here.file, here.end),), limit=20)
    assert page.lines == ()
    first = watched.page(workflow="w", anchor=Anchor.START, limit=50)
    page = watched.page(workflow="w", anchor=Anchor.NEXT, position=first.end, limit=10)
    assert page.focus is not None
    assert shown((page.lines[page.focus],)) == [100]


def test_search(watched: Watched) -> None:
    page = watched.page(workflow="w", anchor=Anchor.PREVIOUS, pattern="line 37", limit=6)
    assert page.focus is not None
    assert shown((page.lines[page.focus],)) == [379]
    page = watched.page(workflow="w", anchor=Anchor.PREVIOUS, pattern="LINE 37")
    assert page.lines == ()  # an upper-case letter asks for exactly that
    page = watched.page(workflow="w", anchor=Anchor.NEXT, pattern="nowhere")
    assert (page.lines, page.focus, page.partial) == ((), None, False)


def test_lesser_lines_are_left_out(watched: Watched) -> None:
    page = watched.page(workflow="w", min_level=Level.ERROR, limit=5)
    assert shown(page.lines) == [500, 600, 700, 800, 900]


def test_no_error_gives_the_end(log: Path) -> None:
    write(log, row(1), row(2))
    watched = Watched(log)
    watched.poll()
    page = watched.page(workflow="w", anchor=Anchor.NEWEST_ERROR)
    assert page.focus is None
    assert shown(page.lines) == [1, 2]


def test_only_the_asked_workflow(log: Path) -> None:
    write(log, *(row(n, workflow="w" if n % 2 else "v", run=f"r{n % 2}") for n in range(100)))
    watched = Watched(log)
    watched.poll()
    assert shown(watched.page(workflow="v").lines) == list(range(0, 100, 2))
    assert shown(watched.page().lines) == list(range(100))


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.log", *(row(n) for n in range(300) if "abc"[n % 3] == name))
    watched = Watched(tmp_path / "*.log")
    watched.poll()
    page = watched.page(workflow="w", limit=50)
    assert shown(page.lines) == list(range(250, 300))
    assert len(page.paths) == 3
    found = shown(page.lines)
    while not page.at_start:
        page = watched.page(workflow="w", limit=50, anchor=Anchor.BEFORE, position=page.start)
        found = shown(page.lines) + found
    assert found == list(range(300))
    page = watched.page(workflow="w", run="r1", limit=1000)
    assert shown(page.lines) == list(range(300))


def test_a_rotation_has_a_marker(log: Path, tmp_path: Path) -> None:
    write(log, *(row(n) for n in range(10)))
    watched = Watched(tmp_path / "app.log*")
    watched.poll()
    end = watched.page(workflow="w").end
    log.rename(tmp_path / "app.log.1")
    write(log, *(row(n) for n in range(10, 20)))
    watched.poll()
    page = watched.page(workflow="w", limit=100)
    assert shown(page.lines) == list(range(20))
    assert [number for number, found in enumerate(page.lines) if found.mark is Mark.ROTATION] == [10]
    page = watched.page(workflow="w", anchor=Anchor.AFTER, position=end)
    assert [found.mark for found in page.lines[:2]] == [Mark.ROTATION, Mark.LINE]
    assert shown(page.lines) == list(range(10, 20))


def test_pages_hold_over_copy_and_truncation(log: Path, tmp_path: Path) -> None:
    write(log, *(row(n) for n in range(10)))
    watched = Watched(tmp_path / "app.log*")
    watched.poll()
    page = watched.page(workflow="w", limit=4)
    shutil.copy(log, tmp_path / "app.log.1")
    os.truncate(log, 0)
    write(log, row(10))
    watched.poll()
    before = watched.page(workflow="w", anchor=Anchor.BEFORE, position=page.start)
    assert shown(before.lines) == list(range(6))
    after = watched.page(workflow="w", anchor=Anchor.AFTER, position=page.end)
    assert shown(after.lines) == [10]


def test_lines_that_a_truncation_took_away_are_a_gap(log: Path) -> None:
    write(log, *(row(n) for n in range(10)))
    watched = Watched(log)
    watched.poll()
    page = watched.page(workflow="w")
    os.truncate(log, 0)
    write(log, row(20))
    watched.poll()
    page = watched.page(workflow="w", anchor=Anchor.AFTER, position=page.end)
    assert Mark.GAP in [found.mark for found in page.lines]
    assert shown(page.lines) == [20]


def test_a_run_whose_file_is_gone_says_so(log: Path, tmp_path: Path) -> None:
    write(log, row(1, status="success"))
    watched = Watched(tmp_path / "*.log")
    watched.poll()
    log.unlink()
    for _ in range(4):
        watched.poll()
    page = watched.page(workflow="w", run="r1")
    assert page.lines == ()
    assert page.problem is not None
    assert "deleted" in page.problem


def test_problems_say_what_would_help(log: Path) -> None:
    write(log, row(1))
    watched = Watched(log)
    assert "paths" in (watched.page(workflow="w").problem or "")
    watched.poll()
    assert "no line" in (watched.page(workflow="other").problem or "")
    assert "run id" in (watched.page(run="other").problem or "")


def test_a_new_attempt_has_a_marker(log: Path) -> None:
    write(log, row(1, attempt=1), row(2, attempt=1), row(3, attempt=2), row(4, attempt=2))
    watched = Watched(log)
    watched.poll()
    page = watched.page(workflow="w", run="r1")
    assert [found.mark for found in page.lines] == [Mark.LINE, Mark.LINE, Mark.ATTEMPT, Mark.LINE, Mark.LINE]
    page = watched.page(workflow="w", run="r1", anchor=Anchor.NEXT, pattern="line 4", limit=10)
    assert page.focus is not None
    assert page.lines[page.focus].message == "line 4"


def test_a_traceback_belongs_to_its_line(log: Path) -> None:
    trace = [
        "Traceback (most recent call last):", '  File "x.py", line 3, in ask', "    call()",
        "ValueError: no total", "", "During handling of the above exception, another exception occurred:", "",
        "Traceback (most recent call last):", '  File "y.py", line 4, in go', "RuntimeError: gave up",
    ]  # fmt: skip
    write(log, row(1), row(2, "ERROR"), *trace, row(3), *trace)
    watched = Watched(log)
    watched.poll()
    for request in ({"workflow": "w"}, {"workflow": "w", "run": "r1"}, {"anchor": Anchor.START}):
        page = watched.page(**request)
        assert shown(page.lines) == [1, 2, 3]
        assert page.lines[1].detail[-1] == "RuntimeError: gave up"
        assert "ValueError: no total" in page.lines[1].detail
        assert page.lines[1].end == page.lines[2].offset
        assert page.lines[2].detail[-1] == "RuntimeError: gave up"


def test_a_traceback_that_blocks_cut_belongs_to_its_line(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "BLOCK_BYTES", 256)
    trace = [
        "Traceback (most recent call last):",
        *(f'  File "x.py", line {n}, in f' for n in range(60)),
        "ValueError: no",
    ]
    for number in range(6):
        write(log, row(number, "ERROR"), *trace)
    watched = Watched(log)
    watched.poll()
    for anchor in (Anchor.END, Anchor.START):
        page = watched.page(workflow="w", anchor=anchor)
        assert shown(page.lines) == list(range(6))
        assert all(found.detail[-1] == "ValueError: no" for found in page.lines)
        assert all(len([text for text in found.detail if "File" in text]) == 60 for found in page.lines)


def test_what_a_line_says(log: Path) -> None:
    stack = "Traceback\n  File\nValueError: no"
    write(
        log,
        row(1, "error", error="504 after 2 s", exc_info=stack, api_key="sk-abcdefghijklmnopqrstuvwx"),
        json.dumps({"timestamp": iso(NOW - 4000), "workflow": "w", "status": "failed",
                    "duration_seconds": 5.25, "tokens_used": 1500, "cost_usd": 0.03}),
        "2026-02-25 06:13:11,002 WARNING plain text",
        "just text",
    )  # fmt: skip
    watched = Watched(log)
    watched.poll()
    first, second, third, fourth = watched.page().lines
    assert first.message == "line 1: 504 after 2 s"
    assert first.detail[0] == "{"
    assert '  "message": "line 1",' in first.detail
    assert first.detail[-1] == "  ValueError: no"
    assert not [text for text in first.detail if "sk-abc" in text]
    assert second.message.startswith("failed in 5s")
    assert "1.5k tok" in second.message
    assert "$0.03" in second.message
    assert second.level is Level.ERROR  # no level of its own, but a failure
    assert (third.level, third.message) == (Level.WARN, "WARNING plain text")
    assert (fourth.level, fourth.at, fourth.message) == (Level.NONE, None, "just text")


def test_a_run_without_id_shows_its_workflows_lines_of_that_time(log: Path) -> None:
    def text(at: float, **fields: object) -> str:
        return json.dumps({"timestamp": iso(at), "workflow": "w", **fields})

    write(log, text(NOW - 100, message="before"), text(NOW - 58, message="during"))
    write(log, text(NOW - 57, workflow_other=1, message="also"))
    write(log, text(NOW - 50, status="error", duration_seconds=10), text(NOW - 20, message="after"))
    watched = Watched(log)
    (run,) = watched.runs()
    page = watched.page(workflow="w", run=run.id)
    assert [found.message for found in page.lines][:2] == ["during", "also"]
    assert len(page.lines) == 3
    page = watched.page(workflow="w", run=run.id, anchor=Anchor.NEWEST_ERROR)
    assert page.focus == 2


def test_the_guides_failed_line_is_its_newest_error(log: Path) -> None:
    for number, status in enumerate(("success", "error", "success")):
        said = {"timestamp": iso(NOW - 9 + number), "workflow": "w", "status": status, "duration_seconds": 1}
        write(log, "INFO:w:" + json.dumps(said))
    watched = Watched(log)
    watched.poll()
    page = watched.page(workflow="w", anchor=Anchor.NEWEST_ERROR)
    assert page.focus == 1


def test_a_scan_is_bounded(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SCAN_BYTES", 300_000)
    write(log, row(0, run="old"), *(row(n) for n in range(1, 9000)))
    watched = Watched(log, tail_bytes=20_000)
    watched.poll()
    page = watched.page(run="old")
    assert page.lines == ()
    assert page.partial
    assert "not found in the" in (page.problem or "")
    found: list[int] = []
    for _ in range(20):
        page = watched.page(run="old", anchor=Anchor.BEFORE, position=page.start)
        found += shown(page.lines)
        if page.at_start:
            break
    assert found == [0]


def test_a_cancelled_request_returns_what_is_there(watched: Watched) -> None:
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return True

    page = watched.source.page(LogRequest(workflow="w"), cancelled)
    assert asked
    assert page.partial
    assert page.lines == ()


def test_a_truncation_under_a_reader_is_no_crash(log: Path, watched: Watched) -> None:
    os.truncate(log, 100)  # the reader still believes in what the last poll saw
    for anchor in Anchor:
        watched.page(workflow="w", anchor=anchor)
    log.unlink()
    for anchor in Anchor:
        watched.page(workflow="w", anchor=anchor)


def test_a_page_leaves_no_file_open(watched: Watched) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        watched.page(workflow="w")
    assert len(os.listdir("/proc/self/fd")) == before


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 700), min_size=1, max_size=40),
    block=st.integers(64, 400),
    limit=st.integers(1, 9),
    codec=st.sampled_from(["utf-8", "utf-16"]),
    files=st.integers(1, 3),
)
def test_every_line_is_on_exactly_one_page(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], block: int, limit: int, codec: str, files: int
) -> None:
    """Both ways, for any block size, with lines longer than a block and than what is read of a line."""
    directory = tmp_path_factory.mktemp("pages")
    rows = [row(number, pad="é" * width) for number, width in enumerate(sizes)]
    for part in range(files):
        path = directory / f"{part}.log"
        path.write_bytes("".join(f"{text}\n" for text in rows[part::files]).encode(codec))
        touch(path)
    watched = Watched(directory / "*.log", max_line_bytes=500)
    watched.poll()
    original = entries.BLOCK_BYTES, entries._MAX_BLOCK
    entries.BLOCK_BYTES, entries._MAX_BLOCK = block, 2 * block
    try:
        forth = everything(watched, limit, Anchor.START, Anchor.AFTER)
        back = everything(watched, limit, Anchor.END, Anchor.BEFORE)
    finally:
        entries.BLOCK_BYTES, entries._MAX_BLOCK = original
    assert [found[2] for found in forth] == [
        found[2] for found in sorted(forth, key=lambda found: found[2] or 0)
    ]
    assert forth == back
    assert len(forth) == len(sizes)


def everything(
    watched: Watched, limit: int, first: Anchor, then: Anchor
) -> list[tuple[int, int, float | None]]:
    page = watched.page(anchor=first, limit=limit)
    found = [(one.file, one.offset, one.at) for one in page.lines if one.mark is Mark.LINE]
    for _ in range(200):
        if page.at_start if then is Anchor.BEFORE else page.at_end:
            return found
        position = page.start if then is Anchor.BEFORE else page.end
        page = watched.page(anchor=then, limit=limit, position=position)
        more = [(one.file, one.offset, one.at) for one in page.lines if one.mark is Mark.LINE]
        found = more + found if then is Anchor.BEFORE else found + more
    raise AssertionError("the pages do not end")


def test_a_traceback_of_a_run_that_blocks_cut(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks without the run's id are not cut into lines, yet may hold the end of its traceback."""
    monkeypatch.setattr(entries, "BLOCK_BYTES", 256)
    trace = [
        "Traceback (most recent call last):",
        *(f'  File "x.py", line {n}, in f' for n in range(60)),
        "ValueError: no",
    ]
    write(
        log,
        row(0, "ERROR", run="r-wanted"),
        *trace,
        row(1, run="r-other"),
        *(row(n, run="r-more") for n in range(2, 30)),
    )
    watched = Watched(log)
    watched.poll()
    for anchor in (Anchor.END, Anchor.START):
        page = watched.page(run="r-wanted", anchor=anchor)
        assert shown(page.lines) == [0]
        assert page.lines[0].detail[-1] == "ValueError: no"
        assert len([text for text in page.lines[0].detail if "File" in text]) == 60


def test_pages_are_read_while_polls_go_on(log: Path, tmp_path: Path) -> None:
    """Pages in a thread of their own, while the file grows and is rotated under them."""
    write(log, *(row(n) for n in range(500)))
    watched = Watched(tmp_path / "app.log*")
    watched.poll()
    problems: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                for anchor in (Anchor.END, Anchor.START, Anchor.NEWEST_ERROR):
                    found = shown(watched.page(workflow="w", limit=400, anchor=anchor).lines)
                    assert found == sorted(found)
                    assert len(found) == 400
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    thread = threading.Thread(target=read)
    thread.start()
    for turn in range(12):
        write(log, *(row(500 + 10 * turn + n) for n in range(10)))
        if turn % 3 == 2:
            log.rename(tmp_path / f"app.log.{turn}")
            write(log, row(510 + 10 * turn))
        watched.poll()
    stop.set()
    thread.join(30)
    assert not problems
