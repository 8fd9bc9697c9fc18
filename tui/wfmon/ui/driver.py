"""Textual's driver for a full-screen terminal.

Differs from Textual's own: reads keys without polling, writes only through ``Output``, notices a
terminal that went away, ends on ctrl-c whatever the app does, asks for clicks and the wheel but not
for every movement of the mouse, and leaves the restoring to the lifeline.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import termios
import threading
import time
import tty
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from wfmon.ui import firstframe
from wfmon.ui.lifeline import EXIT_CODES, LOST_TERMINAL, Lifeline
from wfmon.ui.output import Output
from wfmon.ui.paste import PasteGuard

if TYPE_CHECKING:
    from wfmon.ui.terminal import QuietApp

_ALTERNATE_SCREEN = "\x1b[?1049h"
_MOUSE = "\x1b[?1000h\x1b[?1002h\x1b[?1006h"
# Hidden cursor, focus reports, unambiguous keys (kitty), bracketed paste, no autowrap.
_MODES = "\x1b[?25l\x1b[?1004h\x1b[>1u\x1b[?2004h\x1b[?7l"
_POP_KEYS = "\x1b[<u"
_PUSH_TITLE = "\x1b[22;0t"
_ASK_SYNCHRONIZED_OUTPUT = "\x1b[?2026$p"

# An escape key is told from a sequence by the pause behind it: after input the parser needs its clock.
_TICK_MS = 110
_TICKS = 2


class TerminalDriver(Driver):
    def __init__(
        self, app: QuietApp, *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        lifeline = app.lifeline
        assert lifeline is not None, "the app is run by run_app()"
        super().__init__(app, debug=debug, mouse=mouse, size=size or _terminal_size(lifeline.stdout))
        self.lifeline: Lifeline = lifeline
        self.output: Output = lifeline.output
        self.last_input = time.monotonic()
        self._quiet_app = app
        self._reader: threading.Thread | None = None
        self._stopped, self._stop = os.pipe()
        self._running = False
        self._title = ""

    @property
    def can_suspend(self) -> bool:
        return True

    def write(self, data: str) -> None:
        self.output.write(data)

    def show_title(self, sequence: str) -> None:
        """Set the title by ``sequence``; the one before comes back with the terminal's other settings."""
        self._title = sequence
        if self._running:
            self.write(sequence if self.lifeline.titled else _PUSH_TITLE + sequence)
            self.lifeline.titled = True

    def start_application_mode(self) -> None:
        self._running = True
        self._quiet_app.focus_told = None
        self.lifeline.enter(self._switches(), self._raw())
        if self._title:
            self.show_title(self._title)
        # By the loop, whose wake-up descriptor works from any thread: after a stop the kernel may give
        # SIGCONT to another thread, while this one already waits for input again and would not notice.
        self._loop.add_signal_handler(signal.SIGWINCH, self._send_size)
        self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._loop.add_signal_handler(signal.SIGCONT, self._continued)
        self._send_size()
        self._reader = threading.Thread(target=self._read_input, name="terminal-input", daemon=True)
        self._reader.start()

    def disable_input(self) -> None:
        if self._reader is None:
            return
        os.write(self._stop, b"x")
        self._reader.join(0.5)
        if not self._reader.is_alive():
            os.read(self._stopped, 1)
        self._reader = None

    def stop_application_mode(self) -> None:
        self.disable_input()
        self._running = False
        self.lifeline.restore()

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Key) and message.key == "ctrl+c":
            self.lifeline.begin(EXIT_CODES[signal.SIGINT])
        super().process_message(message)

    # -------------------------------------------------------- switches

    def _switches(self) -> str:
        switches = _MODES
        if self._mouse:
            switches = _MOUSE + switches
        if not firstframe.hand_over():
            switches = _ALTERNATE_SCREEN + switches
        if os.environ.get("TERM_PROGRAM") != "Apple_Terminal":  # which would print the end of the question
            switches += _ASK_SYNCHRONIZED_OUTPUT
        return switches

    def _raw(self) -> list[Any] | None:
        """Keys one by one and unread by the line discipline; output processing stays as it is."""
        attrs = self.lifeline.settings()
        if attrs is not None:
            attrs[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            attrs[tty.IFLAG] &= ~(
                termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR
            )
            attrs[tty.CC][termios.VMIN] = 1
            attrs[tty.CC][termios.VTIME] = 0
        return attrs

    def _send_size(self) -> None:
        size = Size(*_terminal_size(self.lifeline.stdout))
        message = events.Resize(size, size)
        asyncio.run_coroutine_threadsafe(self._app._post_message(message), loop=self._loop)

    # ------------------------------------------------- stop and continue

    def _suspend(self) -> None:
        """Stop as a job does on ctrl-z, with the terminal as the shell wants it."""
        held = self._running and self._auto_restart
        if held:
            self.stop_application_mode()
        self._loop.remove_signal_handler(signal.SIGTSTP)
        signal.raise_signal(signal.SIGTSTP)  # goes on here after SIGCONT
        self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        if held:
            self.start_application_mode()
            self._quiet_app.repaint()
            self.send_message(self.SignalResume())

    def _continued(self) -> None:
        """After a stop that nobody announced (SIGSTOP) the shell has had the terminal."""
        if self._running:
            self._quiet_app.focus_told = None
            self.lifeline.enter(_POP_KEYS + self._switches() + self._title, self._raw())
            self._quiet_app.repaint()
            self._send_size()

    # ----------------------------------------------------------- input

    def _read_input(self) -> None:
        try:
            self._read_until_stopped()
        except Exception as error:
            self._loop.call_soon_threadsafe(self._app._handle_exception, error)
            raise

    def _read_until_stopped(self) -> None:
        stdin = self.lifeline.stdin
        poller = select.poll()
        poller.register(stdin, select.POLLIN)
        poller.register(self._stopped, select.POLLIN)
        parser = XTermParser()
        decode = getincrementaldecoder("utf-8")("replace").decode
        paste = PasteGuard()
        ticks = 0
        while True:
            ready = dict(poller.poll(_TICK_MS if ticks else None))
            if self._stopped in ready:
                return
            if stdin in ready:
                data = _read(stdin)
                if not data:
                    self.lifeline.begin(LOST_TERMINAL)
                    return
                self.last_input = time.monotonic()
                ticks = _TICKS
                for message in parser.feed(paste.clean(decode(data))):
                    self.process_message(message)
            else:
                ticks -= 1
            for message in parser.tick():
                self.process_message(message)


def _read(fd: int) -> bytes:
    """Input that is there, b"" when the terminal is gone."""
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""


def _terminal_size(fd: int) -> tuple[int, int]:
    try:
        columns, lines = os.get_terminal_size(fd)
    except OSError:
        return 80, 24
    return columns or 80, lines or 24
