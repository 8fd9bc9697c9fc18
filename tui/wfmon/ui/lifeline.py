"""The way out: gives the terminal back and ends the process, whatever else hangs.

Knows no Textual. Leaving begins with ``begin`` (a signal, ctrl-c, a lost terminal, a crash, or the app's
own exit). The app is asked to end; if the process is still there ``patience`` seconds later, the
lifeline's own thread restores the terminal and ends it, past hung threads and exit handlers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from wfmon.ui.output import Output

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
LOST_TERMINAL = EXIT_CODES[signal.SIGHUP]

# Everything the monitor switches on, off again; string state first, as a frame may have been cut.
UNDO = (
    "\x1b\\\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[?1004l"
    "\x1b[<u\x1b[?7h\x1b[m\x1b[?1049l\x1b[?25h"
)
# Where a title was set and the one before kept: a terminal that keeps none has none then.
POP_TITLE = "\x1b]0;\x07\x1b[23;0t"
_DRAIN = 0.3  # seconds that output may take to go before it is dropped


class Lifeline:
    """One per process. ``attrs``: the terminal's settings to give back (None: read them now)."""

    def __init__(
        self, *, stdin: int = 0, stdout: int = 1, attrs: list[Any] | None = None, patience: float = 0.7
    ) -> None:
        self.stdin, self.stdout = stdin, stdout
        self.code: int | None = None
        self.last_words = ""
        self.titled = False  # the terminal keeps the title that it had before
        self.output = Output(stdout, on_lost=lambda: self.begin(LOST_TERMINAL))
        self._attrs = attrs
        if attrs is None:
            with contextlib.suppress(termios.error):
                self._attrs = termios.tcgetattr(stdin)
        self._patience = patience
        self._entered = False
        self._restoring = threading.Lock()
        self._ask: Callable[[int], None] = lambda code: None
        self._asked, self._signal = os.pipe()
        os.set_blocking(self._signal, False)
        threading.Thread(target=self._wait, name="lifeline", daemon=True).start()

    def watch_signals(self) -> None:
        """SIGINT, SIGTERM and SIGHUP begin the leaving; call it in the main thread."""
        for number in EXIT_CODES:
            signal.signal(number, lambda received, _frame: self.begin(EXIT_CODES[signal.Signals(received)]))

    def on_leaving(self, ask: Callable[[int], None]) -> None:
        """``ask(code)`` is called once, in the lifeline's thread, when leaving begins."""
        self._ask = ask

    def begin(self, code: int) -> None:
        """Start to leave with this exit code; the first call counts. Safe in signal handlers and threads."""
        if self.code is None:
            self.code = code
            with contextlib.suppress(BlockingIOError):
                os.write(self._signal, b"x")

    def enter(self, modes: str, attrs: list[Any] | None) -> None:
        """Set the terminal up: settings first (a background job stops there), then the mode switches."""
        if attrs is not None:
            self._set(attrs)
        self._entered = True
        self.output.write(modes)

    def settings(self) -> list[Any] | None:
        """The terminal's settings as they were found; None when there is no terminal."""
        return None if self._attrs is None else [*self._attrs[:6], [*self._attrs[6]]]

    def restore(self) -> None:
        """Give the terminal back. Again and again is the same as once."""
        with self._restoring:
            if not self._entered:
                return
            self._entered = False
            if not self.output.drain(_DRAIN):
                self._drop_output()
            self.output.write(UNDO + POP_TITLE if self.titled else UNDO)
            self.titled = False
            self.output.drain(_DRAIN)
            if self._attrs is not None:
                self._set(self._attrs)

    def finish(self, code: int) -> None:
        """Restore, say the last words and end the process now: no exit handlers, no joined threads."""
        self.restore()
        self.say_last_words()
        end_process(code)

    def say_last_words(self) -> None:
        """The crash report, once, to standard error; a terminal that takes no output does not get it."""
        words, self.last_words = self.last_words, ""
        if words:
            # Not through sys.stderr: the interpreter's exit would wait for the lock of a stuck write.
            _try(partial(os.write, 2, words.encode("utf-8", "replace")))

    def _drop_output(self) -> None:
        self.output.discard()
        with contextlib.suppress(termios.error):
            termios.tcflush(self.stdout, termios.TCOFLUSH)
        self.output.drain(_DRAIN)
        self.output.keep()

    def _set(self, attrs: list[Any]) -> None:
        for _ in range(8):
            try:
                termios.tcsetattr(self.stdin, termios.TCSANOW, attrs)
            except InterruptedError:
                continue  # stopped as a background job, and continued
            except termios.error:
                pass  # the terminal is gone
            return

    def _wait(self) -> None:
        os.read(self._asked, 1)
        code = self.code or 0
        try:
            self._ask(code)
            threading.Event().wait(self._patience)
        finally:
            self.finish(code)


def end_process(code: int) -> None:
    """Flush what was printed and end without exit handlers, which wait for threads that may hang."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            _try(stream.flush)
    os._exit(code)


def _try(write: Callable[[], object]) -> None:
    """Call ``write``, which may block on a terminal that takes no output, for a moment at most."""

    def attempt() -> None:
        with contextlib.suppress(OSError, ValueError):
            write()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(_DRAIN)
