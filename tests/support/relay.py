"""Several wfmon-tui on one state directory, started and ended at random, and a witness beside them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from support.program import Program
from support.waiting import wait_until
from wfmon.store.lanes import LIVE, LOCK, Lane, owner
from wfmon.store.livefile import LiveReader
from wfmon.store.paths import StateDir

UP_SECONDS = 60.0
LOOK_SECONDS = 0.02


class Watcher(Protocol):
    """One process that would collect."""

    @property
    def pid(self) -> int: ...
    def is_up(self) -> bool: ...
    def signal(self, number: int) -> None: ...
    def close(self) -> None: ...


class Recorder:
    """``wfmon-tui record`` as a service manager has it: no terminal, its lines in a file."""

    def __init__(self, program: Program, said: Path) -> None:
        self._said = said
        merged = {**os.environ, **program.env()}
        with said.open("wb") as lines:
            self._process = subprocess.Popen(
                program.argv("record"),
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                env={name: value for name, value in merged.items() if value is not None},
                cwd=program.folder,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        return self._said.read_text()

    def is_up(self) -> bool:
        return "collecting" in self.said or "standing by" in self.said

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(20)
        assert "Traceback" not in self.said, self.said


class Screen:
    """``wfmon-tui watch`` in a pty."""

    def __init__(self, program: Program, size: tuple[int, int] = (80, 24)) -> None:
        self.terminal = program.terminal(size=size)
        self.terminal.__enter__()

    @property
    def pid(self) -> int:
        return self.terminal.pid

    def is_up(self) -> bool:
        return "sources ·" in self.terminal.screen_text()

    def signal(self, number: int) -> None:
        self.terminal.signal(number)

    def close(self) -> None:
        self.terminal.signal(signal.SIGKILL)
        self.terminal.__exit__(None, None, None)


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life as it was seen from outside: ``seen`` on the monotonic clock."""

    seen: float
    epoch: int
    beat: float


class Witness:
    """Watches the live file and the lock from outside, without ever touching the lock."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.beats: list[Beat] = []
        self.spoilt: list[str] = []  # what no reader should ever see
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Witness:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=30)

    def holder(self) -> int | None:
        """The pid in the lock file."""
        try:
            return int(json.loads((self._state / LOCK).read_bytes())["pid"])
        except (OSError, ValueError):
            return None

    def after(self, epoch: int, seen: float) -> float | None:
        """When the first beat of an epoch later than ``epoch`` was seen, at ``seen`` or after."""
        return next((beat.seen for beat in self.beats if beat.epoch > epoch and beat.seen >= seen), None)

    def gaps(self) -> Iterator[tuple[float, float]]:
        """From one sign of life to the next, whoever gave it."""
        for before, after in zip(self.beats, self.beats[1:], strict=False):
            yield before.seen, after.seen

    def _watch(self) -> None:
        wait_until(lambda: (self._state / LIVE).exists() or self._ended.is_set(), timeout=UP_SECONDS)
        key = owner(StateDir(self._state)) or ""
        reader = LiveReader(Lane(key, StateDir(self._state), root=True))
        while not self._ended.wait(LOOK_SECONDS):
            live = reader.look()
            if live is None:
                self.spoilt.append(f"{time.time():.3f}: {reader.problem}")
                continue
            last = self.beats[-1] if self.beats else None
            if last is None or (last.epoch, last.beat) != (live.epoch, live.beat):
                self.beats.append(Beat(time.monotonic(), live.epoch, live.beat))


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a collector, or that it was stopped; ``by`` is the signal."""

    at: float
    by: int
    epoch: int


@dataclass(frozen=True)
class Plan:
    """``pause``: seconds between two deeds, drawn from this range. ``stopped``: for how long a collector is
    stopped, of each ``stop_every`` deeds one; None: never."""

    seconds: float
    pause: tuple[float, float]
    stopped: float | None = None
    stop_every: int = 12


@dataclass
class Relay:
    """``start`` makes a process; ``run`` goes through a plan. At the end of the block all are gone."""

    program: Program
    state: Path
    witness: Witness
    rng: random.Random
    crew: list[Watcher] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    excused: list[tuple[float, float]] = field(default_factory=list)  # when nobody could collect
    diary: list[str] = field(default_factory=list)
    _started: int = 0

    def record(self) -> Recorder:
        self._started += 1
        recorder = Recorder(self.program, self.program.folder / f"record-{self._started}.said")
        self.crew.append(recorder)
        return recorder

    def watch(self) -> Screen:
        self._started += 1
        screen = Screen(self.program)
        self.crew.append(screen)
        return screen

    def start(self) -> Watcher:
        return self.watch() if self.rng.random() < 0.4 else self.record()

    def wait_up(self, watcher: Watcher) -> None:
        wait_until(watcher.is_up, timeout=UP_SECONDS, message=f"process {watcher.pid} is up")

    def collector(self) -> Watcher | None:
        """The living one that holds the lock."""
        pid = self.witness.holder()
        return next((watcher for watcher in self.crew if watcher.pid == pid), None)

    def end(self, watcher: Watcher, number: int = signal.SIGKILL) -> None:
        """End it by ``number`` and clear it away."""
        if watcher is self.collector():
            self._note_death(number)
        self._write(f"{signal.Signals(number).name} to {watcher.pid}, {self._role(watcher)}")
        watcher.signal(number)
        self.crew.remove(watcher)
        if number != signal.SIGKILL:
            wait_until(lambda: not alive(watcher.pid), timeout=20, message=f"the end of {watcher.pid}")
        watcher.close()

    def end_all(self) -> None:
        """Everybody at once: nobody collects until another starts."""
        began = time.monotonic()
        for watcher in [*self.crew]:
            watcher.signal(signal.SIGKILL)
        self._write("SIGKILL to all")
        for watcher in [*self.crew]:
            self.crew.remove(watcher)
            watcher.close()
        self.excused.append((began, float("inf")))

    def begin_again(self, *makes: Callable[[], Watcher]) -> None:
        """After ``end_all``."""
        started = [make() for make in makes]
        for watcher in started:
            self.wait_up(watcher)
        self._excuse_until_now()

    def stop_collector(self, seconds: float) -> None:
        """Stop the collector, for longer than the others put up with, and let it go on."""
        collector = self.collector()
        if collector is None:
            return
        epoch = self.witness.beats[-1].epoch
        self._write(f"SIGSTOP to {collector.pid}, collector")
        self.excused.append((time.monotonic(), float("inf")))
        collector.signal(signal.SIGSTOP)
        began = time.monotonic()
        wait_until(
            lambda: self.witness.beats[-1].epoch > epoch,
            timeout=seconds,
            message="a hung collector is replaced",
        )
        self._write(f"replaced after {time.monotonic() - began:.1f} s")
        self._excuse_until_now()
        threading.Event().wait(self.rng.uniform(0.0, 4.0))
        collector.signal(signal.SIGCONT)

    def run(self, plan: Plan) -> None:
        """Deeds at random moments; there is always another that is up when the collector ends."""
        until = time.monotonic() + plan.seconds
        never = threading.Event()
        deeds = 0
        while time.monotonic() < until:
            never.wait(self.rng.uniform(*plan.pause))
            deeds += 1
            if plan.stopped is not None and deeds % plan.stop_every == plan.stop_every // 2:
                self.stop_collector(plan.stopped)
            else:
                self._deed()

    def _deed(self) -> None:
        what = self.rng.choices(("kill", "term", "reader", "all"), (10, 3, 2, 1))[0]
        collector = self.collector()
        others = [watcher for watcher in self.crew if watcher is not collector]
        if what == "all":
            self.end_all()
            threading.Event().wait(self.rng.uniform(0.0, 3.0))
            self.begin_again(self.record, self.watch, self.record)
        elif what == "reader" and len(others) > 1:
            self.end(self.rng.choice(others))
            self.start()
        elif collector is not None and any(other.is_up() for other in others):
            self.end(collector, signal.SIGTERM if what == "term" else signal.SIGKILL)
            self.start()

    def _note_death(self, number: int) -> None:
        if self.witness.beats:
            self.deaths.append(Death(time.monotonic(), number, self.witness.beats[-1].epoch))

    def _excuse_until_now(self) -> None:
        began, _ = self.excused[-1]
        self.excused[-1] = began, time.monotonic()

    def _role(self, watcher: Watcher) -> str:
        return "collector" if watcher is self.collector() else "reader"

    def _write(self, line: str) -> None:
        self.diary.append(f"{time.time():.2f} {line}")

    # what came of it --------------------------------------------------------------------------------

    def late(self) -> list[float]:
        """Seconds from each death of a collector to the first sign of life of the next."""
        found = []
        for death in self.deaths:
            seen = self.witness.after(death.epoch, death.at)
            if seen is not None and not self._is_excused(death.at, seen):
                found.append(seen - death.at)
        return found

    def longest_silence(self) -> float:
        """Seconds without a sign of life of anybody while somebody could have given one."""
        return max(
            (end - begin for begin, end in self.witness.gaps() if not self._is_excused(begin, end)), default=0
        )

    def _is_excused(self, begin: float, end: float) -> bool:
        return any(begin < until and since < end for since, until in self.excused)


def alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextmanager
def relay(program: Program, state: Path, seed: int) -> Iterator[Relay]:
    with Witness(state) as witness:
        made = Relay(program, state, witness, random.Random(seed))
        try:
            yield made
        finally:
            for watcher in made.crew:
                watcher.signal(signal.SIGCONT)
                watcher.signal(signal.SIGKILL)
            for watcher in made.crew:
                watcher.close()
