"""The controller of the screen: the stack of views, the keys, the last row.

It knows no Textual: the app gives it keys, clicks, snapshots and the time, and takes rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from wfmon.model.action import Refresh
from wfmon.model.past import PastMoment
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.doors import Doors
from wfmon.ui import navigate, timekeys
from wfmon.ui.baseviews import BASES, FIRST, BaseViews, keys_of
from wfmon.ui.keys import Action, Where, spelled
from wfmon.ui.lastrow import LastRow
from wfmon.ui.look import Look
from wfmon.ui.panes.empty import too_small
from wfmon.ui.panes.footer import footer_row
from wfmon.ui.panes.titlebar import banner
from wfmon.ui.past import MINUTE, Past
from wfmon.ui.prompt import Question
from wfmon.ui.rows import Row, blank
from wfmon.ui.screenhost import Host, Settings
from wfmon.ui.views.base import MOVES, Deed, Frame, View

if TYPE_CHECKING:
    from wfmon.monitor.settings import RuleSettings
    from wfmon.ui.runbooks import Runbooks

MIN_WIDTH, MIN_HEIGHT = 60, 15


class Shell:
    """See ``views.base.ShellDoor`` for what views may ask of it."""

    def __init__(self, doors: Doors, settings: Settings, host: Host, clock: Callable[[], float]) -> None:
        self.doors = doors
        self.look = settings.look
        self.keymap = settings.keymap
        self.by = settings.by
        self.label = settings.label
        self.read_only = settings.read_only
        self.latest: Snapshot | None = None
        self.paused_at: float | None = None
        self.last_key_at: float | None = None
        self._host = host
        self._settings = settings
        self._rules: RuleSettings | None = None
        self._clock = clock
        self._past = Past(self)
        self._time_keys = timekeys.TimeKeys(self, self._past)
        self._newest: Snapshot | None = None  # that was on the screen when it was not of the past
        self._seen: frozenset[str] | None = None  # alerts that were open when the screen went back
        self._bases = BaseViews()
        self._views: list[View] = []
        self._opened_live: list[bool] = []  # one of each view
        self._drawn: list[Row] = []
        self._size: tuple[int, int] | None = None
        self._ticked: tuple[object, ...] = ()
        self._undrawn = False  # the view on top has not been drawn: its cursor knows no rows yet
        self._last_row = LastRow()

    # --- what views ask of the shell

    def now(self) -> float:
        return self._clock()

    @property
    def view(self) -> View:
        return self._views[-1]

    @property
    def views(self) -> tuple[View, ...]:
        """The open views, the one on the screen last."""
        return tuple(self._views)

    @property
    def snapshot(self) -> Snapshot | None:
        return self._newest if self.moment is None else self.moment.snapshot

    @property
    def moment(self) -> PastMoment | None:
        return self._past.shown

    def travel(self, at: float) -> None:
        self._past.go(at)

    def open(self, view: View) -> None:
        if self._views:
            self.view.covered()
        else:
            self._bases.keep(view)
        self._views.append(view)
        self._opened_live.append(not self._past.away)
        self._last_row.ask(None)
        self._undrawn = True
        view.opened(self)
        self.redraw()

    def back(self) -> None:
        """To the view below; to now with it, where that is what it showed."""
        if len(self._views) > 1:
            self._views.pop().closed()
            self._last_row.ask(None)
            if self._opened_live.pop():
                self._past.live()
            self.view.uncovered()
            self.redraw()

    def switch(self, name: str) -> None:
        """To a base view (see ``baseviews.BASES``); what is open above the present one is closed. A view that
        is not of one moment shows now."""
        to_now = len(self._views) > 1 and self._opened_live[1]
        while len(self._views) > 1:
            self._views.pop().closed()
        if name == self._bases.shown:
            self.view.uncovered()
        else:
            self._views[0] = self._bases.show(name, self)
        self._opened_live = [True]
        self._last_row.ask(None)
        self._undrawn = True
        if to_now or not self.view.timed:
            self._past.live()
        self.redraw()

    def redraw(self) -> None:
        self._host.draw_soon()

    def tell(self, text: str, *, ok: bool = True) -> None:
        self._last_row.tell(text, self.now(), ok=ok)
        self.redraw()

    def ask(self, question: Question) -> None:
        self._last_row.ask(question)
        self.redraw()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._host.start(work)

    def wear(self, look: Look) -> None:
        """Draw with another theme from now on."""
        self.look = look
        self.redraw()

    def costs(self) -> Sequence[tuple[str, str]]:
        """What the monitor itself costs, as labels and figures."""
        return self._host.costs()

    def copy(self, text: str, what: str) -> None:
        from wfmon.ui import clipboard

        self.tell(f"{clipboard.send(text, self._host.copy)}: {what}")

    def hand_over(self, text: str, what: str) -> None:
        from wfmon.ui import clipboard

        clipboard.hand_over(self, text, what, self._host.copy, self._settings.copies)

    def save_each(self, texts: Mapping[str, str], what: str) -> None:
        from wfmon.ui import clipboard

        clipboard.save_each(self, texts, what, self._settings.copies)

    def runbooks(self) -> Runbooks:
        from wfmon.ui.runbooks import Runbooks

        return Runbooks() if self._settings.runbooks is None else self._settings.runbooks()

    def rules(self) -> RuleSettings | None:
        if self._rules is None and self._settings.rules is not None:
            self._rules = self._settings.rules()
        return self._rules

    # --- what the program tells the shell

    def arrived(self, snapshot: Snapshot) -> bool:
        """Take a new snapshot; True if it should go on the screen at once."""
        shown, self.latest = self._newest, snapshot
        if self.paused_at is not None or self._past.away:
            return False
        return shown is None or shown.verdict.level != snapshot.verdict.level or _waiting(shown)

    def present(self) -> None:
        """Put the latest snapshot on the screen, unless it is paused or not of now."""
        latest = self.latest
        if self.paused_at is None and not self._past.away and latest is not self._newest:
            self._newest = latest
            if latest is not None:
                self.view.on_snapshot(latest)

    def ticks(self) -> bool:
        """Whether the screen has changed by itself since it was drawn: now passes, the past does not."""
        return not self._past.away or self._ticked != self._ticking(self.now())

    def draw(self, width: int, height: int) -> list[Row]:
        """The whole screen: ``height`` rows of ``width`` cells."""
        now = self.now()
        self._size, self._undrawn = (width, height), False
        if width < MIN_WIDTH or height < MIN_HEIGHT:
            self._drawn = too_small(self.look, width, height, MIN_WIDTH, MIN_HEIGHT)
            return self._drawn
        self._ticked = self._ticking(now)
        frame = self._frame(now, width, height - 1)
        rows = self.view.rows(frame)[: height - 1]
        rows.extend(blank(self.look, width) for _ in range(height - 1 - len(rows)))
        last = self._last_rows(width, now)
        rows[height - len(last) :] = last
        self._drawn = rows
        return rows

    def press(self, key: str, character: str | None) -> None:
        """A key as the terminal reports it."""
        name = spelled(key, character)
        if name == "ctrl-c":
            self._host.leave()
            return
        if self._undrawn and self._size is not None:
            self.draw(*self._size)
        self.last_key_at = self.now()
        self._last_row.read()
        self.view.on_key()
        if self._last_row.asks:
            self._last_row.press(name, character)
        else:
            action = self.keymap.action(self.view.where, name)
            if action is not None:
                self.do(action)
        self.redraw()

    def paste(self, text: str) -> None:
        if self._last_row.asks:
            self._last_row.paste(text)
            self.redraw()

    def do(self, action: Action) -> None:
        """Do what ``action`` does in the view on the screen now, if it does anything."""
        if action.writes and self.read_only:
            self.tell("read-only: nothing was changed", ok=False)
            return
        if self._past.away and _of_now(action):
            key = self.keymap.key("live")
            self.tell(f"the screen is not live: {key} goes back to now", ok=False)
            return
        if action.id in MOVES:
            self.view.moves(action.id)
            return
        deed = self.deeds().get(action.id)
        if deed is not None:
            deed()

    def deeds(self) -> Mapping[str, Deed]:
        """Every action that does something now, the view's own before the shell's."""
        deeds = {**self._own_deeds(), **self.view.deeds()}
        if self._past.away:
            return {name: deed for name, deed in deeds.items() if not _of_now(self.keymap.get(name))}
        return deeds

    def click(self, column: int, row: int) -> None:
        self.last_key_at = self.now()
        self._last_row.read()
        key = self._key_at(row)
        if not self._last_row.asks and key is not None:
            self.view.on_key()
            self.view.click(key, column)
        self.redraw()

    def wheel(self, row: int, direction: int) -> None:
        self.last_key_at = self.now()
        self.view.on_key()
        self.view.wheel(direction, self._key_at(row))
        self.redraw()

    def closed(self) -> None:
        """The program ends."""
        for view in reversed(self._views):
            view.closed()
        self._bases.closed()

    # --- time

    def ask_moment(self, at: float) -> Awaitable[PastMoment]:
        return self.doors.memory.moment(at)

    def arrived_at(self, moment: PastMoment | None, *, far: bool) -> None:
        """The past has put another time on the screen."""
        if moment is None:
            self._newest, self._seen = self.latest, None
        else:
            self._seen = _open_alerts(self._newest)
        self.paused_at = None
        if far:
            self.view.travelled()
        if self.snapshot is not None:
            self.view.on_snapshot(self.snapshot)
        self.redraw()

    def _new_alerts(self) -> int:
        """How many began since the screen went back."""
        return 0 if self._seen is None else len(_open_alerts(self.latest) - self._seen)

    def _ticking(self, now: float) -> tuple[object, ...]:
        """What changes by itself on a screen of the past."""
        return now // MINUTE, self._new_alerts(), self._last_row.tells(now), self._past.under_way

    def _frame(self, now: float, width: int, height: int) -> Frame:
        past = self.moment
        shown = now if past is None else past.at
        words = banner(self.look, past, self._past.under_way, now, self._new_alerts())
        return Frame(self.snapshot, shown, width, height, self.look, words, past)

    # --- inside

    def _key_at(self, row: int) -> str | None:
        return self._drawn[row].key if 0 <= row < len(self._drawn) else None

    def _own_deeds(self) -> dict[str, Deed]:
        deeds: dict[str, Deed] = {
            "quit": self.back if len(self._views) > 1 else self._host.leave,
            "exit": self._host.leave,
            "help": self._help,
            "palette": self._palette,
            "pause": self._pause,
            "refresh": lambda: self.start(self._refresh()),
            "redraw": self._host.repaint,
            "suspend": self._host.suspend_to_shell,
            "sources": lambda: navigate.open_sources(self),
            "ended": lambda: navigate.open_ended_list(self),
            "copy": self._copy_row,
        }
        if self.snapshot is not None and navigate.knows_error(self.snapshot):
            deeds["worst_error"] = lambda: navigate.open_error(self)
        if len(self._views) > 1:
            deeds["back"] = self.back
        elif self._bases.shown in BASES and self._bases.shown != FIRST:
            deeds["back"] = partial(self.switch, FIRST)
        return {**deeds, **self._switches(), **self._time_keys.deeds()}

    def _switches(self) -> dict[str, Deed]:
        """To each base view but the one on the screen; a log has other uses for its keys."""
        if self.view.where is Where.LOG:
            return {}
        here = self._bases.shown if len(self._views) == 1 else ""
        return {name: partial(self.switch, name) for name in BASES if name != here}

    def _copy_row(self) -> None:
        key = self.view.cursor.key
        for row in self._drawn:
            if key is not None and row.key == key:
                self.copy(row.text.strip(), "the row")
                return

    def _pause(self) -> None:
        self.paused_at = self.now() if self.paused_at is None else None
        self.present()

    async def _refresh(self) -> None:
        outcome = await self.doors.act(Refresh())
        self.tell(outcome.message, ok=outcome.ok)

    def _help(self) -> None:
        from wfmon.ui.views.help import HelpView

        if not isinstance(self.view, HelpView):
            self.open(HelpView(self.view))

    def _palette(self) -> None:
        from wfmon.ui.views.palette import PaletteView

        if not isinstance(self.view, PaletteView):
            self.open(PaletteView(self))

    def _last_rows(self, width: int, now: float) -> list[Row]:
        """One, the keys where nothing else is said; a long message takes more."""
        said = self._last_row.rows(self.look, width, now)
        if said:
            return said
        actions = (*timekeys.FOOTER, *self.view.footer) if self._past.away else self.view.footer
        views = keys_of(self.keymap) if len(self._views) == 1 else ""
        return [footer_row(self.look, width, self.keymap, actions, self.deeds(), self.read_only, views)]


def _of_now(action: Action) -> bool:
    """Whether ``action`` is about what is now, whatever the screen shows."""
    return action.writes or action.id in ("pause", "refresh")


def _open_alerts(snapshot: Snapshot | None) -> frozenset[str]:
    return frozenset(alert.id for alert in snapshot.alerts if alert.open) if snapshot else frozenset()


def _waiting(snapshot: Snapshot) -> bool:
    """Whether some source has not answered yet: then every snapshot matters at once."""
    return snapshot.waiting
