"""Output to the terminal from a thread of its own, so that a slow line holds nobody up."""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Callable

_PIECE = 4096


class Output:
    """Writes what it is given, in order. ``on_lost`` is called, in its thread, when that fails."""

    def __init__(self, fd: int, *, on_lost: Callable[[], None]) -> None:
        self._fd = fd
        self._on_lost = on_lost
        self._queue: queue.SimpleQueue[bytes | Callable[[], None]] = queue.SimpleQueue()
        self._given = 0
        self._gone = 0
        self._dropping = False
        self._lost = False
        threading.Thread(target=self._run, name="terminal-output", daemon=True).start()

    @property
    def backlog(self) -> int:
        """Bytes that the terminal has not taken yet."""
        return self._given - self._gone

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        self._given += len(data)
        self._queue.put(data)

    def when_drained(self, call: Callable[[], None]) -> None:
        """``call``, in the output's thread, when all that was written before is with the terminal."""
        self._queue.put(call)

    def drain(self, timeout: float) -> bool:
        """Wait until all is with the terminal; whether that was so within ``timeout`` seconds."""
        done = threading.Event()
        self._queue.put(done.set)
        return done.wait(timeout)

    def discard(self) -> None:
        """Drop what waits, and whatever comes until ``keep``."""
        self._dropping = True

    def keep(self) -> None:
        self._dropping = False

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, bytes):
                self._send(item)
            else:
                item()

    def _send(self, data: bytes) -> None:
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            if not (self._dropping or self._lost):
                self._write(piece)
            self._gone += len(piece)

    def _write(self, piece: bytes) -> None:
        while piece and not self._dropping:
            try:
                piece = piece[os.write(self._fd, piece) :]
            except BlockingIOError:
                select.select([], [self._fd], [], 0.1)
            except OSError:
                self._lost = True
                self._on_lost()
                return
