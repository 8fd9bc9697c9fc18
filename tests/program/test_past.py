"""Back in time on a real screen: what was shown then, what ended, what a restart knows, what a gap is."""

from __future__ import annotations

import re
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from support.kept import newest_looks
from support.program import Program
from support.pty import Terminal
from support.shopfloor import NAME, ShopFloor, shop_floor
from support.waiting import wait_until
from wfmon.model.history import Batch, Kind, Point, Table
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import state_dir

pytestmark = pytest.mark.pty

SIZE = (80, 24)
STEP = 2
ALERT = rf"failure_rate +{NAME}"
QUICK = """
[windows]
runs = "6s"
grow_runs = 5
max = "30s"
rate = "10s"

[monitor]
evaluate_every = "1s"

[alerts]
episode_gap = "1s"

[alerts.failure_rate]
clear_quiet = "2s"
"""


@dataclass(frozen=True)
class Frame:
    at: float
    text: str


class Film:
    """Every picture of a screen, with the moment when it was first seen."""

    def __init__(self, screen: Terminal) -> None:
        self.frames: list[Frame] = []
        self._screen = screen
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Film:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=20)

    def _watch(self) -> None:
        while not self._ended.wait(0.03):
            text = self._screen.screen_text()
            if not self.frames or self.frames[-1].text != text:
                self.frames.append(Frame(time.time(), text))


def figures(text: str) -> tuple[str, ...] | None:
    """ACT, RUN/m, ERR%, P95, TOK/m and $/h of the one workflow."""
    head = re.search(r"^  WORKFLOW +(.*)$", text, re.M)
    row = re.search(rf"^..{NAME} +(.*)$", text[head.end() :], re.M) if head else None
    if row is None or head is None:
        return None
    cells = dict(zip(head[1].split(), row[1].split(), strict=False))
    return tuple(cells[name] for name in ("ACT", "RUN/m", "ERR%", "P95", "TOK/m", "$/h"))


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def go_to(screen: Terminal, words: str) -> None:
    screen.send(":")
    screen.type("go to a time")
    screen.send("enter")
    screen.wait_for(r"go to \(")
    screen.type(words)
    screen.send("enter")


def banner(screen: Terminal) -> str | None:
    found = re.search(r"(\d\d:\d\d(?::\d\d)?), not live", screen.screen_text().splitlines()[0])
    return found[1] if found else None


def wait_banner(screen: Terminal, words: str) -> None:
    """A whole minute may be told with its seconds or without."""
    screen.wait_until(lambda: in_full(banner(screen)) == in_full(words), 20, words)


def in_full(words: str | None) -> str | None:
    return f"{words}:00" if words is not None and words.count(":") == 1 else words


@contextmanager
def lived(folder: Path) -> Iterator[tuple[ShopFloor, Program, Path]]:
    with shop_floor(folder, step=STEP, more=QUICK) as floor:
        state = folder / "state-dir"
        words = ("--config", str(floor.config), "--state-dir", str(state))
        yield floor, Program(folder, words), state


@pytest.mark.timeout(180)
def test_what_was_shown_what_ended_and_what_a_restart_knows(tmp_path: Path) -> None:
    with lived(tmp_path) as (floor, program, state):
        with program.terminal(size=SIZE) as screen, Film(screen) as film:
            wait_until(lambda: len(newest_looks(state)) == 1, timeout=30)
            film.frames.clear()
            fail_and_recover(floor, screen)
            seen = [*film.frames]
            for moment in worth_looking_at(seen):
                go_to(screen, clock(moment))
                wait_banner(screen, clock(moment))
                screen.settle(0.2)  # the rows below the banner
                shown_then(seen, moment, figures(screen.screen_text()))
            screen.send("0")
            screen.wait_gone(r"not live")
            what_ended(screen)
            screen.send("q")
            screen.send("q")
            assert screen.wait_exit() == 0
        after_a_restart(floor, program, state)


def fail_and_recover(floor: ShopFloor, screen: Terminal) -> None:
    """A workflow fails, somebody takes it, it recovers; some runs each second."""
    floor.work(25)
    screen.wait_for(rf"^..{NAME} .*0\.0", timeout=30)
    floor.work(9, failed=True)
    screen.wait_for(rf"^[✖▲] {ALERT}", timeout=30)
    screen.send("a")
    screen.wait_for(rf"^◆ {ALERT}.*acked tester", timeout=20)
    screen.send("esc")
    deadline = time.monotonic() + 60
    number = 0
    while "1 ended" not in screen.screen_text() or "Alerts" in screen.screen_text():
        assert time.monotonic() < deadline, screen.screen_text()
        number += 1
        floor.work(1 + number % 3)
        time.sleep(0.7)
    screen.wait_for(rf"1 ended \S+ ago: {NAME} failed .*tester had it", timeout=10)
    threading.Event().wait(2 * STEP + 0.5)  # the last point is written


def worth_looking_at(frames: list[Frame]) -> list[float]:
    """A moment in the middle of the incident and one after it, in whole seconds."""
    firing = [frame.at for frame in frames if re.search(rf"^[✖▲◆] {ALERT}", frame.text, re.M)]
    calm = [frame.at for frame in frames if "1 ended" in frame.text]
    return [float(int((firing[0] + firing[-1]) / 2)), float(int(calm[0] + 1))]


def shown_then(frames: list[Frame], moment: float, past: tuple[str, ...] | None) -> None:
    """Each figure stood there within the point's time, which is ``STEP`` long. Not all at once: a screen
    leaves out pictures that are gone within its second."""
    begin = moment // STEP * STEP
    before = [frame for frame in frames if frame.at < begin][-1:]
    then = [*before, *(frame for frame in frames if begin <= frame.at < begin + STEP + 1.5)]
    assert past is not None
    stood = zip(*filter(None, (figures(frame.text) for frame in then)), strict=True)
    told = "\n".join(f"{clock(frame.at)} {figures(frame.text)}" for frame in frames)
    for figure, each in zip(past, stood, strict=True):
        assert figure in each or passed(figure, each), f"{clock(moment)}: {past}; shown were\n{told}"


def passed(figure: str, shown: tuple[str, ...]) -> bool:
    """Whether a figure lies between two that followed each other: its picture was gone within a second."""
    value, course = amount(figure), [amount(each) for each in shown]
    return value is not None and any(
        one is not None and other is not None and min(one, other) <= value <= max(one, other)
        for one, other in pairwise(course)
    )


def amount(figure: str) -> float | None:
    found = re.fullmatch(r"([\d.]+)([kM]?)s?", figure)
    return float(found[1]) * {"": 1.0, "k": 1e3, "M": 1e6}[found[2]] if found else None


def what_ended(screen: Terminal) -> None:
    """The list of what ended, and from it to the begin of the incident."""
    screen.send("H")
    screen.wait_for(r"^─ Ended ─.* 1 in 30 days", timeout=20)
    screen.wait_for(rf"^[✖▲] \d\d:\d\d.* {ALERT} +\d+% .*tester", timeout=20)
    screen.send("enter")
    screen.wait_for(rf"^[✖▲] failure_rate · {NAME} .*\d\d:\d\d:\d\d, not live", timeout=20)
    screen.wait_for(r"^episode .*tester had it")
    screen.wait_for(r"peak \d+%")
    screen.wait_for(r"^─ Failing runs ─+ \d+ failed")
    screen.send("esc", "esc")
    screen.wait_for(r"^wfmon .* · ops")
    screen.send("0")
    screen.wait_gone("not live")
    screen.wait_for(r"^  WORKFLOW")


def after_a_restart(floor: ShopFloor, program: Program, state: Path) -> None:
    """Nobody watched for a while; whoever comes then knows what was known."""
    left = time.time()
    threading.Event().wait(2.5 * STEP)
    with program.terminal(size=SIZE) as screen:
        floor.work(3)
        screen.wait_for(rf"^  1 ended \S+ ago: {NAME} failed .*tester had it", timeout=30)
        usual = r" +\d+ +[\d.]+ +[\d.]+ +[\d.]+\S* +2\.0s +1\.0x"
        screen.wait_for(rf"^  {NAME}{usual}", timeout=30)
        screen.wait_for(r"^─ Workflows .*errors [\d.]+% .*[▁▂▃▄▅▆▇█]", timeout=30)  # from before
        wait_until(lambda: counted(program) == floor.done, timeout=30, pause=0.3)
        wait_until(lambda: floor.is_kept(state), timeout=30, pause=0.3)
        gap = (left // STEP + 1) * STEP
        go_to(screen, clock(gap))
        screen.wait_for(rf"Nothing is known of {clock(gap).removesuffix(':00')}", timeout=20)
        screen.wait_for(r"no collector ran (\d\d:\d\d(:\d\d)?)–(?!\1)\d\d:\d\d", timeout=20)
        screen.send("]")
        screen.wait_gone("Nothing is known of", timeout=20)
        screen.send("0")
        screen.wait_gone("not live")
        screen.send("q")
        assert screen.wait_exit() == 0


def counted(program: Program) -> int:
    """Runs that the new collector knows of, of before and of now."""
    return int(program.run("snapshot", "--json").json["runs_total"])


MINUTES = 180


def ratio(at: float) -> int:
    """What failed of a hundred runs at that moment, so that every minute tells itself."""
    return int(at // 60) % 60 + 1


def written_past(state: Path, now: float) -> tuple[float, float]:
    """Three hours up to two minutes ago, but for five minutes when nobody collected: those."""
    begin = (now - MINUTES * 60) // 60 * 60
    gap = (now - 70 * 60) // 60 * 60, (now - 65 * 60) // 60 * 60
    writer = HistoryWriter(state_dir(str(state), {}), HistorySettings())
    for epoch, (first, last) in enumerate(((begin, gap[0]), (gap[1], (now - 120) // 60 * 60)), 1):
        writer.begin(epoch, 4000 + epoch, "ann", "1.0", first)
        moments = [first + 10.0 * number for number in range(int(last - first) // 10)]
        for chunk in range(0, len(moments), 60):
            some = moments[chunk : chunk + 60]
            writer.write(Batch(some[-1] + 10, points=tuple(point(at) for at in some)))
    writer.close()
    return gap


def point(at: float) -> Point:
    columns = {"n": [100.0], "failed": [float(ratio(at))], "window": [300.0], "active": [3.0]}
    values = {name: array("f", figure) for name, figure in columns.items()}
    return Point(at, 10.0, {Kind.WORKFLOW: Table((NAME,), values), Kind.TOTAL: Table(("",), values)})


def test_through_hours_that_others_kept(tmp_path: Path) -> None:
    state, log = tmp_path / "state-dir", tmp_path / "empty.jsonl"
    log.touch()
    gap = written_past(state, time.time())
    program = Program(tmp_path, ("--logs", str(log), "--no-host", "--state-dir", str(state)))

    def stands_at(at: float) -> bool:
        """Banner and figures are of that minute."""
        wanted = datetime.fromtimestamp(at, UTC).strftime("%H:%M")
        text = screen.screen_text()
        told = banner(screen)
        return (
            told is not None and told[:5] == wanted and f"{NAME}     3" in text and f" {ratio(at)}.0 " in text
        )

    def wait_at(at: float) -> None:
        screen.wait_until(lambda: stands_at(at), 20, f"{clock(at)} with {ratio(at)}%")

    with program.terminal(size=SIZE) as screen:
        screen.wait_for(r"1/1 sources", timeout=60)
        here = (time.time() - 40 * 60) // 60 * 60
        go_to(screen, clock(here))
        wait_at(here)
        for key, step in (("[", -60), ("[", -60), ("]", 60), ("{", -3600), ("}", 3600), ("{", -3600)):
            screen.send(key)
            here += step
            wait_at(here)
        go_to(screen, clock(gap[0] + 120))
        screen.wait_for(rf"Nothing is known of {clock(gap[0] + 120)[:5]}", timeout=20)
        begun, ended = (clock(at)[:5] for at in gap)
        screen.wait_for(rf"no collector ran {begun}(:\d\d)?–{ended}", timeout=20)
        screen.send("]")
        wait_at(gap[1])
        screen.send("[")
        screen.wait_for(r"Nothing is known of|not live", timeout=20)
        screen.send("0")
        screen.wait_gone("not live", timeout=20)
        screen.wait_for(r"1/1 sources")
        screen.send("q")
        assert screen.wait_exit() == 0
