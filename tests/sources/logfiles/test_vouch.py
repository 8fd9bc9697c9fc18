"""For which time a log source vouches: spans without a gap, but where lines were missed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.logfiles.helpers import NOW, Watched, line, write
from sources.logfiles.test_resume import Ledger
from sources.logfiles.test_rotation import nobody
from support.openness import opened
from wfmon.model.history import Role
from wfmon.model.history import Watched as Span
from wfmon.sources.logfiles.vouch import Vouch


def done(at: float, number: int = 1) -> str:
    return line(at, workflow="w", run_id=f"r{number}", status="success", duration_seconds=1)


def spans(watched: Watched) -> list[tuple[float, float]]:
    assert watched.reading is not None
    assert all((span.source, span.role) == ("logs", Role.LOGS) for span in watched.reading.watched)
    return [(span.begin - NOW, span.end - NOW) for span in watched.reading.watched]


def test_from_the_first_line_and_then_from_answer_to_answer(tmp_path: Path) -> None:
    write(tmp_path / "a.log", done(NOW - 500), done(NOW - 400, 2))
    watched = Watched(tmp_path / "a.log")
    watched.poll()
    assert spans(watched) == [(-500, 1)]
    watched.poll(after=60)
    assert spans(watched) == [(1, 61)]
    watched.poll(after=-30)
    assert spans(watched) == []


def test_nothing_before_what_was_read_back(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    write(log, *(done(NOW - 1000 + n, n) for n in range(900)))
    watched = Watched(log, tail_bytes=2000)
    first = watched.poll()["w"].finished[0].ended_at
    assert first is not None
    assert spans(watched) == [(first - NOW, 1)]
    few = Watched(log, keep_runs=5)
    few.poll()
    assert spans(few) == [(-106, 1)], "runs that were let go at once were never told"


def test_no_line_was_ever_seen(tmp_path: Path) -> None:
    (tmp_path / "a.log").touch()
    watched = Watched(tmp_path / "a.log")
    watched.poll()
    assert spans(watched) == []
    watched.poll()
    assert spans(watched) == [(1, 2)]


def test_nothing_while_it_is_behind_and_all_of_it_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wfmon.sources.logfiles.source.FILE_BUDGET", 1)
    log = tmp_path / "a.log"
    write(log, done(NOW - 5))
    watched = Watched(log)
    watched.poll()
    text = done(NOW - 1, 2)[:-1] + f', "x": "{"x" * 600_000}"}}'
    write(log, text, text, text)
    watched.poll()
    assert spans(watched) == []
    while not spans(watched):
        watched.poll()
    assert spans(watched) == [(1, watched.now - NOW)]


def test_nothing_while_a_file_is_denied(tmp_path: Path) -> None:
    opened(tmp_path)
    write(tmp_path / "a.log", done(NOW - 5))
    write(tmp_path / "b.log", done(NOW - 5, 2))
    (tmp_path / "b.log").chmod(0)
    watched = Watched(tmp_path / "*.log")
    with nobody():
        watched.poll()
    assert spans(watched) == []


def test_what_is_skipped_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wfmon.sources.logfiles.discover._MIN_BACKLOG", 1000)
    log = tmp_path / "a.log"
    write(log, done(NOW - 50))
    watched = Watched(log, tail_bytes=200)
    watched.poll()
    write(log, done(NOW - 40, 2))
    watched.poll()
    write(log, *(done(NOW - 30, n) for n in range(100)))
    watched.poll(after=10)
    assert spans(watched) == []
    assert "are skipped" in watched.told
    watched.poll(after=10)
    assert spans(watched) == [(12, 22)]


def test_it_goes_on_over_a_restart(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    write(log, done(NOW - 300), done(NOW - 100, 2))
    ledger = Ledger(log, tail_bytes=200)
    first = ledger.poll()
    ledger.start()
    ledger.poll()
    write(log, *(done(NOW + 50, n) for n in range(3, 20)))
    ledger.start()
    second = ledger.poll(after=100)
    assert first.watched[0].end == NOW + 1
    (span,) = second.watched
    assert span.begin <= NOW - 100 <= NOW + 1 <= span.end, "what the earlier one vouched for is reached"


def test_it_does_not_where_something_was_missed(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    write(log, done(NOW - 300), done(NOW - 100, 2))
    ledger = Ledger(log)
    ledger.poll()
    log.unlink()
    write(tmp_path / "inode", "kept")
    write(log, done(NOW + 50, 3))
    ledger.start()
    (span,) = ledger.poll(after=100).watched
    assert span.begin >= NOW + 50


@given(
    st.lists(st.tuples(st.floats(-50, 500), st.booleans(), st.booleans(), st.floats(0, 5000)), max_size=40)
)
def test_spans_never_overlap_and_cover_no_gap(steps: list[tuple[float, bool, bool, float]]) -> None:
    vouch, now, missed = Vouch("s"), NOW, None
    told: list[Span] = []
    for after, whole, misses, since in steps:
        now += after
        missed = max(now, told[-1].end if told else now) if misses else missed
        told += vouch.watched(now, lambda: now - since, missed, whole=whole)  # noqa: B023
        assert all(span.begin < span.end for span in told)
        assert missed is None or all(not span.begin < missed < span.end for span in told[1:])
    assert all(first.end <= then.begin for first, then in itertools.pairwise(told))
