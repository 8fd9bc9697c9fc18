"""The app's base class: everything between Textual and the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, ClassVar

import wfmon.ui.textualrelease  # noqa: F401  # isort: skip  (before Textual reads the environment)

from rich.console import RenderableType
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from wfmon.text.redact import redact
from wfmon.text.sanitize import safe_lines
from wfmon.ui import firstframe
from wfmon.ui.driver import TerminalDriver
from wfmon.ui.lag import LagMeter, TimedSelector
from wfmon.ui.lifeline import Lifeline
from wfmon.ui.writer import FrameWriter

HEAL_AFTER = 60.0  # seconds without a key until every row is sent once more
_HEAL_ROWS = 10  # rows sent at a time then
_HEAL_PAUSE = 1.0
SWITCH_SECONDS = 0.001  # that another thread may keep the screen from running
_BACKLOG = 16_384  # bytes not taken by the terminal from which frames wait
_SYNC = "\x1b[?2026h", "\x1b[?2026l"
_SYNC_FROM = 512  # bytes from which a frame is sent as synchronized output


class QuietApp(App[int]):
    """Base of the monitor's app: sends only what changed, gives the terminal back, ends for sure.

    Run it with ``run_app``. In Textual's test harness (headless) it is a plain App.
    """

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
        Binding("ctrl+l", "repaint", show=False, priority=True),
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(driver_class=options.pop("driver_class", TerminalDriver), **options)
        self.writer = FrameWriter()
        self.lag = LagMeter()
        self.lifeline: Lifeline | None = None
        self.focus_told: bool | None = None  # what the terminal reported last, if anything
        self._held = False
        self._heal: asyncio.TimerHandle | None = None

    # ----------------------------------------------------------- frames

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Textual's way to the driver, with the writer in between."""
        if renderable is None or self._batch_count or not self._is_drawing:
            self.post_display_hook()
            return
        try:
            self.writer.resize(*self.size)
            self.writer.take(renderable, self.console)
            self._send_frame()
        except Exception as error:  # noqa: BLE001 (as Textual does for anything that fails to render)
            self._handle_exception(error)
        finally:
            self.post_display_hook()

    @property
    def _is_drawing(self) -> bool:
        return self._running and not self._closed and self._driver is not None and not self.is_headless

    def _send_frame(self) -> None:
        """Send the difference; while the terminal is behind, wait and send the newest state then."""
        driver = self._driver
        if driver is None or self._held:
            return
        if isinstance(driver, TerminalDriver) and driver.output.backlog > _BACKLOG:
            self._held = True
            loop = asyncio.get_running_loop()
            driver.output.when_drained(lambda: _call_if_open(loop, self._release_frame))
            return
        frame = self.writer.frame()
        if not frame:
            return
        if self.cursor_position != (0, 0):
            x, y = self.screen.outer_size.clamp_offset(self.cursor_position)
            frame += f"\x1b[{y + 1};{x + 1}H"
        if self._sync_available and len(frame) >= _SYNC_FROM:
            frame = frame.join(_SYNC)
        driver.write(frame)

    def _release_frame(self) -> None:
        self._held = False
        if self._is_drawing:
            self._send_frame()

    def repaint(self) -> None:
        """Send every row once more, row by row: heals what others wrote on the screen."""
        self.writer.forget()
        if self._is_drawing and not self._batch_count:
            self._send_frame()
            if not self.writer.diffs:
                self.refresh()

    def action_repaint(self) -> None:
        self.repaint()

    def on_resize(self) -> None:
        # Even when the size is the same again: the terminal may have cut its rows in between.
        self.repaint()

    def _set_pointer_shape(self, shape: str) -> None:
        """The pointer stays as the person has it."""

    # --------------------------------------------------- beside the picture

    @property
    def watched(self) -> bool:
        """Whether the terminal reports that a person looks at it."""
        return self.focus_told is True

    def on_app_focus(self) -> None:
        self.focus_told = True

    def on_app_blur(self) -> None:
        self.focus_told = False

    def say(self, sequence: str) -> None:
        """Send what draws nothing (see ``oscs``), between two frames."""
        if self._is_drawing and isinstance(self._driver, TerminalDriver):
            self._driver.write(sequence)

    def show_title(self, sequence: str) -> None:
        if self._is_drawing and isinstance(self._driver, TerminalDriver):
            self._driver.show_title(sequence)

    # ---------------------------------------------------------- healing

    def on_mount(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._heal_later(HEAL_AFTER)

    def _heal_later(self, seconds: float, row: int = 0) -> None:
        self._heal = asyncio.get_running_loop().call_later(seconds, self._heal_rows, row)

    def _heal_rows(self, row: int) -> None:
        driver = self._driver
        if not isinstance(driver, TerminalDriver) or not self._running:
            return
        idle = time.monotonic() - driver.last_input
        if row == 0 and idle < HEAL_AFTER:
            self._heal_later(HEAL_AFTER - idle)
            return
        if self.writer.diffs:
            self.writer.heal(row, _HEAL_ROWS)
            self._send_frame()
            row += _HEAL_ROWS
        else:
            self.repaint()
            row = self.writer.memory.height
        if row < self.writer.memory.height:
            self._heal_later(_HEAL_PAUSE, row)
        else:
            self._heal_later(HEAL_AFTER)

    # ---------------------------------------------------------- leaving

    def exit(
        self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        super().exit(result, return_code, message)
        if self.lifeline is not None:
            self.lifeline.begin(return_code)

    def leave_with(self, code: int) -> None:
        """The lifeline's wish: end, if the end has not begun by itself."""
        if not self._exit:
            self.exit(return_code=code)

    def action_suspend_process(self) -> None:
        """Stop the whole job, so that a wrapper in front of it stops too."""
        if self._driver is not None and self._driver.can_suspend:
            self._suspend_signal()
            os.killpg(0, signal.SIGTSTP)

    def _fatal_error(self) -> None:
        error = self._exception or sys.exception()
        if self.lifeline is not None and error is not None and not self.lifeline.last_words:
            self.lifeline.last_words = crash_report(error)
        if self.lifeline is not None:
            self.lifeline.begin(1)
        self._close_messages_no_wait()


def _call_if_open(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    """From another thread, at the end of the run: the loop may be gone by then."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def crash_report(error: BaseException) -> str:
    """The traceback, without the values of variables, redacted and safe to print."""
    lines = "".join(traceback.format_exception(error))
    rows = safe_lines(redact(lines), limit_lines=400)
    return "wfmon-tui crashed; please report this:\n" + "\n".join(rows) + "\n"


def run_app(app: QuietApp, *, mouse: bool = True, patience: float = 0.7) -> int:
    """Run to the end and give the terminal back; the exit code. Main thread only, once per process.

    From the moment of leaving the process has ``patience`` seconds for what the caller still has to
    do; then it is ended with this code. Call ``end_process(code)`` when done: the interpreter's own
    exit would wait for hung threads.
    """
    settings = firstframe.found_settings()
    lifeline = Lifeline(attrs=settings, patience=patience)
    lifeline.watch_signals()
    loop = asyncio.SelectorEventLoop(TimedSelector(app.lag, selectors.DefaultSelector()))
    lifeline.on_leaving(lambda code: _call_if_open(loop, app.leave_with, code))
    app.lifeline = lifeline
    gc.freeze()  # what is loaded by now stays: no collection need look at it again
    gc.enable()
    # A key waits for the thread that computes; what is learnt from the history computes for 40 ms.
    sys.setswitchinterval(SWITCH_SECONDS)
    app.run(mouse=mouse, loop=loop)
    lifeline.begin(app.return_code or 0)
    lifeline.restore()
    lifeline.say_last_words()
    return lifeline.code or 0
