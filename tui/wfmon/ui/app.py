"""The Textual application: it holds the terminal and the clock, and shows the shell's rows."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from wfmon.config.problems import ConfigError, Problem
from wfmon.config.schema import Config, Notify
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.doors import Doors
from wfmon.text import numbers
from wfmon.text.sanitize import safe
from wfmon.ui.baseviews import BASES, of_short
from wfmon.ui.keys import Keymap
from wfmon.ui.look import make_look
from wfmon.ui.screenhost import Settings
from wfmon.ui.shell import Shell
from wfmon.ui.terminal import QuietApp
from wfmon.ui.terminal import run_app as run_in_terminal
from wfmon.ui.theme import load_theme
from wfmon.ui.views.base import View
from wfmon.ui.views.operations import OperationsView
from wfmon.ui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from wfmon.monitor.settings import RuleSettings
    from wfmon.ui.announcer import Announcer
    from wfmon.ui.copies import Copies
    from wfmon.ui.runbooks import Runbooks

CLOCK_SECONDS = 1.0


class Board(Screen[None], inherit_bindings=False):
    """The only Textual screen. It hands every key to the shell and has no bindings of its own."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    DEFAULT_CSS = "Board { overflow: hidden; background: ansi_default; }"

    def compose(self) -> ComposeResult:
        yield Canvas(self.draw, self._click, self._wheel)

    @property
    def shell(self) -> Shell:
        app = self.app
        assert isinstance(app, WfmonApp)
        return app.shell

    def draw(self) -> None:
        canvas = self.query_one(Canvas)
        width, height = canvas.size
        if width and height:
            canvas.show([row.strip for row in self.shell.draw(width, height)])

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.shell.press(event.key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.shell.paste(event.text)

    def _click(self, column: int, row: int) -> None:
        self.shell.click(column, row)

    def _wheel(self, _column: int, row: int, direction: int) -> None:
        self.shell.wheel(row, direction)


class WfmonApp(QuietApp, inherit_bindings=False):
    """One canvas, one timer. Snapshots come from the monitor's thread and are shown at most every
    ``refresh`` seconds, the first ones and a change of the verdict's level at once."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        doors: Doors,
        settings: Settings,
        *,
        refresh: float = 1.0,
        clock: Callable[[], float] = time.time,
        first: Callable[[], View] = OperationsView,
        notify: Notify | None = None,
    ) -> None:
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self.shell = Shell(doors, settings, self, clock)
        self._doors = doors
        self._first = first
        self._refresh_seconds = refresh
        self._unsubscribe: Callable[[], None] = lambda: None
        self._began = time.monotonic()
        self._draw_asked = False
        self._presented_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._notify = notify if notify is not None and notify.enabled else None
        self._opened_at = self.shell.now()
        self._announcer: Announcer | None = None

    def get_default_screen(self) -> Screen[None]:
        return Board(id="_default")

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()

        def deliver(snapshot: Snapshot) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._arrived, snapshot)

        self.shell.open(self._first())
        self._unsubscribe = self._doors.subscribe(deliver)
        self.set_interval(min(CLOCK_SECONDS, self._refresh_seconds), self._tick)

    def on_unmount(self) -> None:
        self._unsubscribe()
        self.shell.closed()
        for task in self._tasks:
            task.cancel()

    # --- what the shell needs (see shell.Host)

    def draw_soon(self) -> None:
        """Draw once when the present events are done."""
        if not self._draw_asked:
            self._draw_asked = True
            self.call_later(self._draw)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def leave(self) -> None:
        self.exit(0)

    def suspend_to_shell(self) -> None:
        self._doors.rest()
        self.action_suspend_process()

    def copy(self, text: str) -> None:
        self.copy_to_clipboard(text)

    def costs(self) -> list[tuple[str, str]]:
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        return [
            ("key may wait, p50", numbers.latency(self.lag.quantile(0.50))),
            ("key may wait, p99", numbers.latency(self.lag.quantile(0.99))),
            ("longest in a minute", numbers.latency(self.lag.longest)),
            ("CPU time", numbers.span(usage.ru_utime + usage.ru_stime)),
            ("CPU of one core", numbers.percent(time.process_time() / (time.monotonic() - self._began))),
            ("most memory", numbers.size(usage.ru_maxrss * 1024)),
            ("frame writer", self.writer.status),
        ]

    # --- inside

    def _arrived(self, snapshot: Snapshot) -> None:
        if self._announcer is not None:
            self._announcer.arrived(snapshot, self.shell.now(), self.shell.last_key_at)
        if self.shell.arrived(snapshot):
            self._present()

    def _present(self) -> None:
        self.shell.present()
        self._presented_at = time.monotonic()
        self.draw_soon()

    def _tick(self) -> None:
        if time.monotonic() - self._presented_at >= self._refresh_seconds - 0.1:
            self.shell.present()
            self._presented_at = time.monotonic()
        if self.shell.ticks():
            self.draw_soon()
        self._announce()

    def _announce(self) -> None:
        """Tell what is due. What that takes is loaded once the screen stands."""
        if self._announcer is not None:
            self._announcer.tick(self.shell.now())
        elif self._notify is not None and self.shell.latest is not None:
            from wfmon.ui.announcer import Announcer

            self._announcer = Announcer(self._notify, self, self.shell.look, os.environ, self._opened_at)
            self._announcer.arrived(self.shell.latest, self.shell.now())

    def _draw(self) -> None:
        self._draw_asked = False
        screen = self.screen
        if isinstance(screen, Board) and screen.is_mounted:
            screen.draw()

    async def _told(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work``; what goes wrong in it is told on the screen, as nobody awaits it."""
        try:
            await work
        except Exception as error:  # noqa: BLE001
            self.shell.tell(f"{type(error).__name__}: {safe(str(error))}", ok=False)


def run_app(
    doors: Doors,
    config: Config,
    *,
    theme: str = "",
    ascii_only: bool | None = None,
    view: str = "ops",
    read_only: bool = False,
    watch_label: str = "",
    by: str = "",
    config_file: Path | None = None,
) -> int:
    """Show ``doors`` until the person leaves; the exit code. Empty or None: as ``config`` says.
    ``config_file``: what runbooks lie beside.

    Raises ``ConfigError``, before the terminal is touched, for a theme, key or view that cannot be.
    """
    ui = config.ui
    first = of_short(view)
    if first is None:
        known = ", ".join(each.short for each in BASES.values())
        raise ConfigError([Problem("", "view", f"no view {view!r}; known: {known}")])
    look = make_look(
        load_theme(theme or ui.theme),
        ascii_only=ui.ascii if ascii_only is None else ascii_only,
        timezone=ui.timezone,
    )
    settings = Settings(
        look,
        Keymap(ui.keys),
        by=by,
        label=watch_label,
        read_only=read_only,
        copies=lambda: _copies(config),
        runbooks=lambda: _runbooks(config, config_file),
        rules=lambda: _rules(config),
    )
    app = WfmonApp(doors, settings, refresh=float(ui.refresh), notify=config.notify, first=first.make)
    return run_in_terminal(app, mouse=ui.mouse)


def _copies(config: Config) -> Copies:
    from wfmon.ui.copies import kept_in

    return kept_in(config)


def _runbooks(config: Config, file: Path | None) -> Runbooks:
    from wfmon.ui.runbooks import named_in

    return named_in(config, Path() if file is None else file.absolute().parent)


def _rules(config: Config) -> RuleSettings:
    from wfmon.monitor.settings import rule_settings

    return rule_settings(config)
