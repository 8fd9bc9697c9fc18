"""Run a program in a real pseudo terminal and be the person and the terminal in front of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from support.emulator import Cell, Emulator
from support.waiting import wait_until

CURSOR_KEYS = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
NAMED_KEYS = {
    "enter": "\r",
    "tab": "\t",
    "esc": "\x1b",
    "escape": "\x1b",
    "space": " ",
    "backspace": "\x7f",
    "insert": "\x1b[2~",
    "delete": "\x1b[3~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "shift-tab": "\x1b[Z",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f5": "\x1b[15~",
}


def encode_key(name: str, *, app_cursor: bool = False, kitty: int = 0) -> bytes:
    """The bytes a terminal sends for ``j``, ``down``, ``ctrl-c``, ``f1``; ``kitty``: flags in force."""
    lower = name.lower()
    if lower in CURSOR_KEYS:
        return f"\x1b{'O' if app_cursor else '['}{CURSOR_KEYS[lower]}".encode()
    if match := re.fullmatch(r"ctrl[-+](.)", lower):
        if kitty & 1:
            return f"\x1b[{ord(match[1])};5u".encode()
        return bytes([ord(match[1].upper()) & 0x1F])
    if lower in ("esc", "escape") and kitty & 1:
        return b"\x1b[27u"
    text = NAMED_KEYS.get(lower, name)
    if kitty & 8 and len(text) == 1:
        shift = "2" if text.isupper() else ""
        written = f";{ord(text)}" if kitty & 16 and text.isprintable() else ""
        return f"\x1b[{ord(text.lower())};{shift}{written}u".encode()
    return text.encode()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Output read in one go; ``at`` is ``time.perf_counter()`` when it had been read."""

    at: float
    data: bytes


class Terminal:
    """A program in a pty of its own session. Use as a context manager; its end kills only the program.

    The reader thread only reads and stamps, so that emulating the screen in the second thread does
    not slow the program. Every ``wait_*`` raises AssertionError, with the screen, at its timeout.
    """

    def __init__(
        self,
        argv: Sequence[str],
        size: tuple[int, int] = (120, 40),
        env: Mapping[str, str | None] | None = None,
        *,
        cwd: str | None = None,
        kitty: bool = True,
        answers: bool = True,
        without_hup: bool = False,
    ) -> None:
        """``env`` is laid over the environment; a None there removes. ``without_hup`` blocks SIGHUP in
        the program, so that a lost terminal can only be noticed at the terminal."""
        self.emulator = Emulator(*size, answers=answers, kitty=kitty)
        self.argv = list(argv)
        self.started = 0.0
        self.returncode: int | None = None
        self._environ = self._environment(env or {})
        self._cwd = cwd
        self._size = size
        self._without_hup = without_hup
        self._changed = threading.Condition()
        self._arrived: list[Chunk] = []
        self._emulated = 0
        self._reading = True
        self._stall = threading.Event()
        self._stall.set()
        self._process: subprocess.Popen[bytes] | None = None
        self.master = self.slave = -1

    @staticmethod
    def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
        merged: dict[str, str | None] = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        merged.update({"LINES": None, "COLUMNS": None, "NO_COLOR": None, **changes})
        return {key: value for key, value in merged.items() if value is not None}

    # ------------------------------------------------------------ life

    def __enter__(self) -> Self:
        self.master, self.slave = os.openpty()
        self._wake, self._waker = os.pipe()
        self._set_size(*self._size)
        self.termios_before = termios.tcgetattr(self.slave)
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            self.argv,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=self._environ,
            cwd=self._cwd,
            start_new_session=True,
            preexec_fn=self._in_child,  # noqa: PLW1509 (the controlling terminal can be set nowhere else)
        )
        os.set_blocking(self.master, False)
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._emulate, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def _in_child(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if self._without_hup:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resume_reading()
        if self.poll() is None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
        if self.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait(5)
        self.hang_up()
        os.close(self._wake)
        os.close(self._waker)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "use it as a context manager"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def poll(self) -> int | None:
        self.returncode = self.process.poll()
        return self.returncode

    # ---------------------------------------------------------- output

    def _read(self) -> None:
        while True:
            self._stall.wait()
            select.select([self.master, self._wake], [], [])
            if not self._reading:
                return
            if not self._stall.is_set():
                continue
            try:
                data = os.read(self.master, 65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            with self._changed:
                if not data:
                    self._reading = False
                else:
                    self._arrived.append(Chunk(time.perf_counter(), data))
                self._changed.notify_all()
            if not data:
                return

    def _emulate(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: len(self._arrived) > self._emulated or not self._reading)
                if len(self._arrived) <= self._emulated:
                    return
                chunk = self._arrived[self._emulated]
            with self._changed:
                replies = self.emulator.feed(chunk.data)
            if replies:
                with contextlib.suppress(OSError):
                    os.write(self.master, replies)
            with self._changed:
                self._emulated += 1
                self._changed.notify_all()

    def mark(self) -> int:
        """A point in the output, for ``bytes_since`` and ``chunks_since``."""
        with self._changed:
            return len(self._arrived)

    def chunks_since(self, mark: int) -> list[Chunk]:
        with self._changed:
            return self._arrived[mark:]

    def bytes_since(self, mark: int = 0) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks_since(mark))

    def screen_text(self) -> str:
        with self._changed:
            return self.emulator.text()

    def row(self, y: int) -> str:
        with self._changed:
            return self.emulator.row(y)

    def cells(self) -> list[list[Cell]]:
        with self._changed:
            return self.emulator.cells()

    # --------------------------------------------------------- waiting

    def wait_until(self, done: Callable[[], bool], timeout: float = 15.0, what: str = "") -> float:
        """Wait until ``done()``, asked after each output; the time of the newest output then."""
        deadline = time.perf_counter() + timeout
        with self._changed:
            while not done():
                left = deadline - time.perf_counter()
                ended = not self._reading and self._emulated == len(self._arrived)
                if left <= 0 or ended or (self.poll() is not None and not self._changed.wait(0.3)):
                    if done():
                        break
                    raise AssertionError(self._explain(what or "the condition"))
                self._changed.wait(min(left, 0.1))
            return self._arrived[self._emulated - 1].at if self._emulated else self.started

    def wait_for(self, pattern: str, timeout: float = 15.0) -> float:
        """Wait until the screen matches; ``time.perf_counter()`` of the output that made it match."""
        found = re.compile(pattern, re.M)
        return self.wait_until(lambda: bool(found.search(self.emulator.text())), timeout, repr(pattern))

    def wait_gone(self, pattern: str, timeout: float = 15.0) -> float:
        found = re.compile(pattern, re.M)
        return self.wait_until(lambda: not found.search(self.emulator.text()), timeout, f"{pattern!r} to go")

    def wait_bytes(self, needle: bytes, since: int = 0, timeout: float = 15.0) -> float:
        """Wait until the raw output since a mark holds ``needle``."""
        return self.wait_until(lambda: needle in self.bytes_since(since), timeout, repr(needle))

    def settle(self, quiet: float = 0.2, timeout: float = 15.0) -> float:
        """Wait for a pause in the output; the time of the last output before it."""
        began = time.perf_counter()
        deadline = began + timeout
        while (now := time.perf_counter()) < deadline:
            with self._changed:
                last = self._arrived[-1].at if self._arrived else self.started
                caught_up = self._emulated == len(self._arrived)
                if caught_up and (now - max(last, began) >= quiet or not self._reading):
                    return last
                self._changed.wait(quiet)
        raise AssertionError(self._explain(f"a pause of {quiet} s"))

    def wait_exit(self, timeout: float = 15.0) -> int:
        """Exit code, negative for a signal; waits for the last output as well."""
        try:
            self.returncode = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._explain("the end of the program")) from None
        if self.master >= 0:
            self.settle(0.1)
        return self.returncode

    def _explain(self, what: str) -> str:
        shown = self.emulator.text().rstrip()
        return f"waited for {what}; the program's state is {self.process.poll()}; screen:\n{shown}"

    # ----------------------------------------------------------- input

    def send(self, *keys: str) -> float:
        """Press keys by name; ``time.perf_counter()`` just before the last one."""
        at = 0.0
        for key in keys:
            with self._changed:
                kitty = self.emulator.kitty_stack[-1] if self.emulator.kitty_stack else 0
                app_cursor = self.emulator.modes.get(1, False)
            data = encode_key(key, app_cursor=app_cursor, kitty=kitty)
            at = time.perf_counter()
            os.write(self.master, data)
        return at

    def type(self, text: str) -> None:
        for character in text:
            self.send(character)

    def write(self, data: bytes) -> None:
        """Raw bytes from the keyboard side."""
        os.write(self.master, data)

    def scribble(self, data: bytes) -> None:
        """What another program (``wall``) writes onto the same terminal."""
        os.write(self.slave, data)

    def resize(self, columns: int, lines: int) -> float:
        with self._changed:
            self.emulator.resize(columns, lines)
        at = time.perf_counter()
        self._set_size(columns, lines)
        return at

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    # ---------------------------------------------------- what goes wrong

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop the process as SIGSTOP does, and return when it is stopped: the kernel takes its time."""
        self.signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.pid}/stat")
        wait_until(
            lambda: status.read_text().rpartition(")")[2].split()[0] == "T", message="the process is stopped"
        )

    def stop_reading(self) -> None:
        """A terminal that takes no output any more (a hung link)."""
        self._stall.clear()

    def resume_reading(self) -> None:
        self._stall.set()

    def hang_up(self) -> None:
        """The terminal goes away, as when an ssh connection is lost."""
        if self.master < 0:
            return
        with self._changed:
            self._reading = False
            self._changed.notify_all()
        self._stall.set()
        os.write(self._waker, b"x")
        for thread in self._threads:
            thread.join()
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def left_behind(self) -> list[str]:
        """What the program has not given back: modes left on, ``termios`` when its settings differ."""
        with self._changed:
            left = self.emulator.left_on()
        return left if termios.tcgetattr(self.slave) == self.termios_before else [*left, "termios"]

    def restored(self) -> bool:
        return not self.left_behind()
