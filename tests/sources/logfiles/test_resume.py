"""A process goes on where another stopped: nothing is missed, nothing is told twice. Real files.

What an earlier process had stored is what a ``Ledger`` holds: it takes runs and marks of one answer
together or not at all, as the store does. The truth is what the writer has finished.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from sources.logfiles.helpers import NOW, OPEN, iso, line, touch, write
from wfmon.model.log import FileMark
from wfmon.model.record import replace
from wfmon.model.run import Run
from wfmon.sources.base import Reading, Resumes
from wfmon.sources.logfiles import LogFilesSource, LogSettings


class Ledger:
    """Processes on one log, one after the other, and what they have stored."""

    def __init__(self, *patterns: object, **settings: object) -> None:
        self.now = NOW
        self.patterns = [str(pattern) for pattern in patterns]
        self.settings = LogSettings(lost_after=1e9, **settings)  # type: ignore[arg-type]
        self.marks: tuple[FileMark, ...] = ()
        self.stored: dict[str, Run] = {}
        self.counted: dict[str, int] = {}
        self.waiting: dict[str, Run] = {}
        self.start()

    def start(self) -> None:
        """As after ``kill -9``: what was not stored is gone."""
        self.source = LogFilesSource("logs", self.patterns, settings=self.settings)
        OPEN.append(self.source)
        self.source.resume(self.marks)
        self.waiting = {}
        self.reading: Reading | None = None

    def poll(self, *, store: bool = True, after: float = 1.0) -> Reading:
        self.now += after
        reading = self.reading = self.source.poll(self.now)
        assert reading.runs is not None
        for known in reading.runs.workflows.values():
            for run in known.finished:
                if not run.recalled:
                    self.waiting[run.id] = run
        if store:
            for run_id in self.waiting.keys() - self.stored.keys():
                self.counted[run_id] = self.counted.get(run_id, 0) + 1
            self.stored |= self.waiting
            self.waiting = {}
            self.marks = reading.marks
        return reading

    def settle(self) -> Reading:
        self.poll()
        while not self.poll().settled:
            pass
        assert self.reading is not None
        return self.reading

    def restart(self) -> Reading:
        self.source.close()
        self.start()
        return self.settle()

    @property
    def told(self) -> str:
        assert self.reading is not None
        return " | ".join(self.reading.missing)

    @property
    def recalled(self) -> set[str]:
        """What is read again and was told before."""
        assert self.reading is not None
        assert self.reading.runs is not None
        runs = self.reading.runs.workflows.values()
        return {run.id for known in runs for run in known.finished if run.recalled}


def done(number: int, **more: object) -> str:
    at = NOW - 50_000 + number
    return line(at, workflow="w", run_id=f"r{number}", status="success", duration_seconds=0.5, **more)


def ids(*numbers: int) -> set[str]:
    return {f"r{number}" for number in numbers}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def test_it_is_a_source_that_resumes() -> None:
    assert isinstance(LogFilesSource("logs", []), Resumes)


def test_what_was_written_meanwhile_is_told_and_nothing_else(log: Path) -> None:
    write(log, done(1), done(2))
    ledger = Ledger(log)
    ledger.settle()
    write(log, done(3))
    ledger.restart()
    assert ledger.stored.keys() == ids(1, 2, 3)
    assert ledger.recalled == ids(1, 2), "the windows of the screen need them again"
    assert set(ledger.counted.values()) == {1}


def test_more_than_a_start_reads_was_written_meanwhile(log: Path) -> None:
    write(log, *(done(number) for number in range(100)))
    ledger = Ledger(log, tail_bytes=5000)
    ledger.settle()
    write(log, *(done(number) for number in range(100, 1000)))
    ledger.restart()
    assert ids(*range(100, 1000)) <= ledger.stored.keys()
    assert ledger.recalled == set(), "what was read before the mark is not needed any more"
    assert "skipped" not in ledger.told


def test_more_runs_than_are_kept_ended_meanwhile(log: Path) -> None:
    write(log, done(0))
    ledger = Ledger(log, keep_runs=50)
    ledger.settle()
    write(log, *(done(number) for number in range(1, 3000)))
    ledger.restart()
    assert ledger.stored.keys() == ids(*range(3000))
    reading = ledger.poll(after=60)
    assert reading.runs is not None
    assert len(reading.runs.workflows["w"].finished) == 50, "they are let go once they could be stored"


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("turns", [1, 3])
def test_rotation_by_rename_meanwhile(log: Path, pattern: str, turns: int) -> None:
    write(log, *(done(number) for number in range(40)), at=NOW - 100)
    ledger = Ledger(log.parent / pattern, tail_bytes=2000)
    ledger.settle()
    before = set(ledger.stored)
    write(log, *(done(number) for number in range(40, 80)), at=NOW - 90)
    for turn in range(turns):
        for number in range(turn, 0, -1):
            log.with_name(f"app.log.{number}").rename(log.with_name(f"app.log.{number + 1}"))
        log.rename(log.with_name("app.log.1"))
        write(log, *(done(80 + turn * 40 + n) for n in range(40)), at=NOW - 80 + turn)
    ledger.restart()
    assert ledger.stored.keys() - before == ids(*range(40, 80 + 40 * turns))
    assert set(ledger.counted.values()) == {1}
    write(log, done(999))
    ledger.settle()
    assert "r999" in ledger.stored
    assert "not found" not in ledger.told


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_rotation_by_copy_and_truncation_meanwhile(log: Path, pattern: str) -> None:
    write(log, *(done(number) for number in range(40)))
    ledger = Ledger(log.parent / pattern, tail_bytes=2000)
    ledger.settle()
    before = set(ledger.stored)
    write(log, *(done(number) for number in range(40, 80)))
    shutil.copy(log, log.with_name("app.log.1"))
    os.truncate(log, 0)
    write(log, *(done(number) for number in range(80, 120)))
    ledger.restart()
    assert ledger.stored.keys() - before == ids(*range(40, 120))
    assert set(ledger.counted.values()) == {1}
    assert "not found" not in ledger.told
    ledger.restart()
    assert set(ledger.counted.values()) == {1}


def test_a_copy_beside_the_log_is_not_read(log: Path) -> None:
    write(log, done(1), done(2))
    ledger = Ledger(log.parent / "app.log*")
    ledger.settle()
    shutil.copy(log, log.with_name("app.log.bak"))
    touch(log.with_name("app.log.bak"), NOW - 1000)
    write(log, done(3))
    ledger.restart()
    assert ledger.reading is not None
    assert ledger.reading.sees.startswith("1 file,")
    assert ledger.stored.keys() == ids(1, 2, 3)


def test_a_log_that_is_gone_is_told_and_its_successor_read(log: Path) -> None:
    write(log, done(1))
    ledger = Ledger(log)
    ledger.settle()
    log.unlink()
    write(log.with_name("keep-the-inode"), "x")
    write(log, done(2))
    reading = ledger.restart()
    assert ledger.stored.keys() == ids(1, 2)
    assert "app.log: not found again" in ledger.told
    assert "app.log" not in " | ".join(ledger.poll(after=4000).missing), "but not for ever"
    assert reading.watched == () or reading.watched[0].begin >= NOW - 50_000 + 2


def test_an_old_rotated_file_that_was_deleted_is_no_loss(log: Path) -> None:
    write(log.with_name("app.log.1"), done(1), at=NOW - 50)
    write(log, done(5))
    ledger = Ledger(log.parent / "app.log*")
    ledger.settle()
    log.with_name("app.log.1").unlink()
    write(log, done(6))
    ledger.restart()
    assert "not found" not in ledger.told


def test_compressed_meanwhile_is_told(log: Path) -> None:
    import gzip

    write(log, done(1))
    ledger = Ledger(log)
    ledger.settle()
    write(log, done(2))
    log.with_name("app.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    write(log.with_name("keep-the-inode"), "x")
    write(log, done(3))
    ledger.restart()
    assert "not found again" in ledger.told


def test_truncated_in_place_meanwhile(log: Path) -> None:
    write(log, *(done(number) for number in range(20)))
    ledger = Ledger(log)
    ledger.settle()
    os.truncate(log, 0)
    write(log, *(done(number) for number in range(100, 140)))
    ledger.restart()
    assert ids(*range(100, 140)) <= ledger.stored.keys()
    assert "not found again" in ledger.told


def test_the_same_beginning_with_other_lines(log: Path) -> None:
    banner = "=" * 3000
    write(log, banner, *(done(number) for number in range(20)))
    ledger = Ledger(log)
    ledger.settle()
    os.truncate(log, 0)
    write(log, banner, *(done(number) for number in range(100, 140)))
    ledger.restart()
    assert ids(*range(100, 140)) <= ledger.stored.keys()
    assert "not found again" in ledger.told


def test_marks_name_a_file_as_it_is_named_now(log: Path) -> None:
    write(log, done(1))
    ledger = Ledger(log.parent / "app.log*")
    ledger.settle()
    log.rename(log.with_name("app.log.1"))
    ledger.poll(after=3)
    assert [mark.path for mark in ledger.marks] == [f"{log}.1"]


def test_files_are_read_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    """Also where one of them is known and the other is not."""
    write(tmp_path / "b.log", done(1), at=NOW - 90)
    ledger = Ledger(tmp_path / "*.log")
    ledger.settle()
    write(tmp_path / "a.log", line(NOW - 50, workflow="w", run_id="both", status="started"), at=NOW - 50)
    write(tmp_path / "b.log", line(NOW - 20, workflow="w", run_id="both", status="ok"), at=NOW - 20)
    ledger.restart()
    assert ledger.stored["both"].duration_seconds == 30.0


def test_too_far_behind_is_a_told_gap(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wfmon.sources.logfiles.discover._MIN_BACKLOG", 20_000)
    write(log, done(0))
    ledger = Ledger(log, tail_bytes=1000)
    ledger.settle()
    write(log, *(done(number) for number in range(1, 1000)))
    reading = ledger.restart()
    assert "written while nobody looked are skipped" in ledger.told
    assert 50 < len(ledger.stored) < 500
    assert reading.runs is not None
    first = reading.runs.workflows["w"].finished[0].ended_at
    assert reading.runs.workflows["w"].complete_since == first
    watched = ledger.source._vouch
    assert watched._until == ledger.now


def test_a_run_that_was_open_ends_with_an_unknown_start(log: Path) -> None:
    common = {"workflow": "w", "run_id": "long"}
    noise = [line(NOW - 900 + n, message="noise " * 20) for n in range(100)]
    used = line(NOW - 990, **common, step="ask", status="success", input_tokens=70)
    write(log, line(NOW - 999, **common, status="started"), used)
    ledger = Ledger(log, tail_bytes=4000)
    ledger.settle()
    write(log, *noise)
    ledger.settle()
    write(
        log, line(NOW - 5, **common, step="tell", input_tokens=5), line(NOW - 1, **common, status="success")
    )
    ledger.restart()
    assert ledger.stored.keys() == {"long"}
    run = ledger.stored["long"]
    assert (run.status, run.started_at, run.duration_seconds, run.ended_at) == (
        "success",
        None,
        None,
        NOW - 1,
    )
    assert run.usage.total is None, "a part of what it used is not what it used"


def test_what_was_open_is_read_again_a_little_further_back(log: Path) -> None:
    common = {"workflow": "w", "run_id": "long"}
    write(log, *(line(NOW - 2000 + n, message="noise " * 20) for n in range(100)))
    ledger = Ledger(log, tail_bytes=4000)
    ledger.settle()
    write(log, line(NOW - 999, **common), line(NOW - 990, run_id="long", step="ask", input_tokens=70))
    write(log, *(line(NOW - 900 + n, message="noise " * 20) for n in range(30)))
    ledger.settle()
    write(
        log,
        line(NOW - 1, run_id="long", status="success"),
        line(NOW - 1, workflow="w", run_id="other", status="ok"),
    )
    ledger.restart()
    run = ledger.stored["long"]
    assert (run.started_at, run.duration_seconds, run.usage.input) == (NOW - 999, 998.0, 70)
    assert ledger.stored["other"].duration_seconds is None  # its only line is its last


def test_a_run_without_an_open_one_before_it_has_a_start(log: Path) -> None:
    write(log, *(done(number) for number in range(200)))
    ledger = Ledger(log, tail_bytes=1000)
    ledger.settle()
    write(log, line(NOW - 9, workflow="w", run_id="new", message="x"))
    write(log, line(NOW - 4, workflow="w", run_id="new", status="ok"), *(done(500 + n) for n in range(20)))
    ledger.restart()
    assert ledger.stored["new"].duration_seconds == 5.0


def test_a_late_line_corrects_a_run_that_was_told(log: Path) -> None:
    write(log, done(1))
    ledger = Ledger(log)
    ledger.settle()
    write(log, line(NOW - 1, workflow="w", run_id="r1", status="error", error="late"))
    ledger.restart()
    assert ledger.stored["r1"].status == "error"
    assert ledger.counted == {"r1": 1}


def test_runs_without_an_id_keep_theirs(log: Path) -> None:
    def told(number: int) -> str:
        return line(NOW - 900 + number, workflow="w", status="success", duration_seconds=1)

    texts = [told(number) for number in range(60)]
    offsets = [sum(len(text) + 1 for text in texts[:number]) for number in range(60)]
    write(log, *texts[:30])
    ledger = Ledger(log, tail_bytes=600)
    ledger.settle()
    first = set(ledger.stored)
    write(log, texts[30])
    ledger.restart()
    assert ledger.recalled
    assert ledger.recalled <= first
    write(log, *texts[31:40])
    ledger.restart()
    write(log, *texts[40:50])
    log.rename(log.with_name("app.log.1"))
    write(log.with_name("app.log.1"), *texts[50:])
    write(log, done(1))
    ledger.restart()
    names = [f"w@{iso(NOW - 900 + n)}#{offset}" for n, offset in enumerate(offsets)]
    assert ledger.stored.keys() - first == {*names[30:], "r1"}
    assert first <= set(names)


@pytest.mark.parametrize("naive", [True, False])
def test_an_id_does_not_change_with_what_is_judged_of_clocks_and_zones(log: Path, naive: bool) -> None:
    ahead = iso(NOW + 1000).removesuffix("Z" if naive else "")
    write(log, f'{{"timestamp": "{ahead}", "workflow": "w", "status": "ok", "duration": 1}}')
    early, late = Ledger(log), Ledger(log)
    early.poll()
    late.poll(after=5000)
    assert early.stored.keys() == late.stored.keys() == {f"w@{ahead}#0"}


def test_lines_without_a_time_go_on_from_the_last(log: Path) -> None:
    plain = '{"workflow": "w", "status": "ok", "duration": 1}'
    write(log, done(1), *["x" * 100] * 50)
    ledger = Ledger(log, tail_bytes=10_000)
    ledger.settle()
    write(log, *[plain] * 300)
    ledger.restart()
    assert {run.ended_at for run in ledger.stored.values()} == {NOW - 50_000 + 1}
    assert len(ledger.stored) == 301


@pytest.mark.parametrize("whole", [True, False])
def test_an_over_long_line_at_the_mark(log: Path, whole: bool) -> None:
    inner = '{"workflow": "w", "run_id": "inner", "status": "error"}'
    long = '{"workflow": "w", "run_id": "big", "text": "' + "y" * 3_000_000
    log.write_text(done(1) + "\n" + long)
    ledger = Ledger(log, max_line_bytes=20_000, tail_bytes=4_000_000)
    ledger.poll()
    ledger.poll()
    ledger.settings = replace(ledger.settings, tail_bytes=100)
    if whole:
        with log.open("a") as file:
            file.write("z" * 1000)
        ledger.poll()
    with log.open("a") as file:
        file.write(f'" {inner}\n{done(2)}\n')
    ledger.restart()
    assert ledger.stored.keys() == ids(1, 2), "the rest of a line is no line"


def test_a_last_line_without_its_end_at_the_mark(log: Path) -> None:
    log.write_text(done(1))
    ledger = Ledger(log)
    ledger.settle()
    ledger.poll()
    assert ledger.stored.keys() == ids(1)
    with log.open("a") as file:
        file.write("\n" + done(2) + "\n")
    ledger.restart()
    assert ledger.stored.keys() == ids(1, 2)
    assert set(ledger.counted.values()) == {1}


def test_marks_are_the_same_objects_while_nothing_changed(log: Path) -> None:
    write(log, done(1))
    write(log.with_name("app.log.1"), done(0), at=NOW - 60)
    ledger = Ledger(log.parent / "app.log*")
    ledger.settle()
    first = ledger.poll().marks
    assert ledger.poll().marks is first
    write(log, done(2))
    second = ledger.poll().marks
    assert sum(mark in first for mark in second) == 1
    assert any(mark is other for mark in first for other in second)


def test_a_name_that_is_not_utf_8_can_be_stored(tmp_path: Path) -> None:
    raw = os.path.join(os.fsencode(tmp_path), b"app\xff.log")
    with open(raw, "w") as file:
        file.write(done(1) + "\n")
    ledger = Ledger(tmp_path / "*.log")
    ledger.settle()
    assert [mark.path.encode() for mark in ledger.marks]
    with open(raw, "a") as file:
        file.write(done(2) + "\n")
    ledger.restart()
    assert ledger.stored.keys() == ids(1, 2)
    assert ledger.counted == {"r1": 1, "r2": 1}


@pytest.mark.parametrize(
    "mark",
    [
        FileMark("/none/app.log", 1, 1, 100, 0, 0, 0, 0),
        FileMark("\0", -1, -1, -5, -5, -5, -5, -5),
        FileMark("app.log", 0, 0, 10, 1 << 40, 7, 5, 7),
        FileMark("app.log", 0, 0, 1 << 60, 10, 7, 1 << 59, 7, newest_at=1e300),
    ],
)
def test_marks_that_make_no_sense_do_no_harm(log: Path, mark: FileMark) -> None:
    write(log, done(1))
    ledger = Ledger(log)
    ledger.marks = (mark,)
    ledger.restart()
    assert ledger.stored.keys() == ids(1)


def test_the_files_may_come_late(log: Path) -> None:
    """As on a host whose file systems are not there yet."""
    from wfmon.sources.base import SourceError

    write(log, done(1))
    ledger = Ledger(log)
    ledger.settle()
    log.rename(log.with_suffix(".away"))
    ledger.start()
    with pytest.raises(SourceError):
        ledger.poll()
    log.with_suffix(".away").rename(log)
    write(log, done(2))
    ledger.poll(after=5)
    assert ledger.counted == {"r1": 1, "r2": 1}
    assert ledger.recalled == ids(1)


class Writer:
    """Writes runs byte by byte where a test wants it, and knows which it has finished."""

    def __init__(self, log: Path, codec: str, dice: random.Random) -> None:
        self.log, self.codec, self.dice = log, codec, dice
        self.number = 0
        self.rest = b""
        self.open: list[int] = []
        self.offset = 0
        self.truth: set[str] = set()
        self.written: list[str] = []

    def more(self, lines: int) -> None:
        for _ in range(lines):
            self.rest += (self._line() + "\n").encode(self.codec)

    def flush(self, most: int | None = None) -> None:
        part = self.rest if most is None else self.rest[:most]
        self.rest = self.rest[len(part) :]
        with self.log.open("ab") as file:
            file.write(part)

    def _line(self) -> str:
        self.number += 1
        at, kind = NOW - 40_000 + self.number, self.dice.random()
        if kind < 0.3:
            self.open.append(self.number)
            return line(at, workflow="wä€", run_id=f"r{self.number}", status="started")
        if kind < 0.6 and self.open:
            run = self.open.pop(self.dice.randrange(len(self.open)))
            self.truth.add(f"r{run}")
            text = line(
                at, workflow="wä€", run_id=f"r{run}", status="success", note="ß" * self.dice.randrange(40)
            )
            return text.replace("\\u00df", "ß")
        if kind < 0.8:
            return line(at, message="noise " * self.dice.randrange(30))
        self.truth.add(f"r{self.number}")
        return line(at, workflow="wä€", run_id=f"r{self.number}", status="error", error="it broke")

    def rotate(self, *, copy: bool) -> None:
        old = sorted(self.log.parent.glob("app.log.*"), reverse=True)
        for path in old:
            path.rename(path.with_name(f"app.log.{int(path.name.rpartition('.')[2]) + 1}"))
        first = self.log.with_name("app.log.1")
        if copy:
            shutil.copyfile(self.log, first)
            os.truncate(self.log, 0)
        else:
            self.log.rename(first)
            self.log.touch()


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-32-be"])
@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("seed", range(12))
def test_killed_and_started_at_random(tmp_path: Path, seed: int, pattern: str, codec: str) -> None:
    dice = random.Random(f"{seed} {pattern} {codec}")
    writer = Writer(tmp_path / "app.log", codec, dice)
    writer.log.touch()
    ledger = Ledger(tmp_path / pattern, tail_bytes=dice.choice([700, 3000, 100_000]), encoding=codec)
    ledger.poll()
    alive = True
    for _ in range(60):
        act = dice.random()
        if act < 0.45:
            writer.more(dice.randrange(1, 8))
            writer.flush(dice.choice([None, dice.randrange(len(writer.rest) + 1)]))
        elif act < 0.5:
            writer.more(200)
            writer.flush()
        elif act < 0.6:
            # Half a line in the old file and half in the new one is a line to nobody; a copy that no glob
            # matches is found by those who start, and missed by those who run.
            writer.flush()
            if alive and "*" not in pattern:
                ledger.poll(after=3)  # two rotations between two looks need a glob for the rotated names
            writer.rotate(copy="*" in pattern and dice.random() < 0.4)
            ledger.now += 3  # names are looked for every two seconds
        elif act < 0.85 and alive:
            ledger.poll(store=dice.random() < 0.7)
        elif act < 0.93:
            ledger.source.close()
            alive = False
        if not alive and dice.random() < 0.5:
            ledger.start()
            alive = True
    writer.flush()
    if not alive:
        ledger.start()
    ledger.now += 3
    ledger.settle()
    assert ledger.stored.keys() == writer.truth
    assert set(ledger.counted.values()) <= {1}
    ledger.restart()
    assert ledger.stored.keys() == writer.truth
    assert set(ledger.counted.values()) <= {1}
