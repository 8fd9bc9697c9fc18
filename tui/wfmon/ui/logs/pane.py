"""The pane that reads a log: its keys, its title, its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from wfmon.model.log import Anchor, Level, LogLine, LogPage, LogRequest
from wfmon.model.record import dataclass
from wfmon.text import numbers
from wfmon.ui.logs.buffer import LogBuffer
from wfmon.ui.logs.drawing import Layout, LogRows, Shown, Stamp, columns, height, overhang, unfolds
from wfmon.ui.logs.feed import LogFeed, Start
from wfmon.ui.logs.finder import Finder
from wfmon.ui.logs.search import Matches, Pattern
from wfmon.ui.logs.viewport import Spot, Viewport
from wfmon.ui.look import Look
from wfmon.ui.prompt import AskLine
from wfmon.ui.rows import Line, Row, rule, width_of, wrap
from wfmon.ui.views.base import Deed, Frame, ShellDoor

POLL_SECONDS = 1.0
SHIFT_CELLS = 16
_STAMPS = (Stamp.CLOCK, Stamp.ELAPSED, Stamp.OFF)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose log. ``began`` tells when the run of a line began; ``many_runs``: lines of several runs."""

    request: LogRequest
    title: str = "Log"
    many_runs: bool = False
    began: Callable[[LogLine], float | None] = lambda line: None


class LogPane:
    """``focus_error``: begin with the newest error line in the middle, else with the newest lines."""

    def __init__(
        self,
        subject: Subject,
        shell: ShellDoor,
        start: Start,
        *,
        focus_error: bool = False,
        most: int | None = None,
    ) -> None:
        self.following = not focus_error
        self.buffer = LogBuffer(most) if most else LogBuffer()
        self.feed = LogFeed(
            subject.request,
            self.buffer,
            shell.doors.pages,
            start,
            loaded=self._loaded,
            grown=shell.redraw,
        )
        self.viewport = Viewport(self.buffer, self._height)
        self.finder = Finder(self.buffer, self.feed, self._go, lambda text, ok: shell.tell(text, ok=ok))
        self.on_screen = True
        self._subject = subject
        self._shell = shell
        self._drawing = LogRows()
        self._layout: Layout | None = None
        self._opened: set[tuple[int, int, int]] = set()
        self._stamp = Stamp.CLOCK
        self._wrap = False
        self._shift = 0
        self._most_shift = 0  # that brings the end of the longest line in view to the right edge
        self._seen = -1  # newest line that was on the screen, or was asked for
        self._sought: int | None = None  # line that the next drawing must show with its neighbours
        if focus_error:
            self.feed.jump(Anchor.NEWEST_ERROR, self._to_focus)
        else:
            self.feed.jump(Anchor.END, self._to_end)

    # --- time

    async def keep_following(self) -> None:
        """Take new lines every second for as long as this runs and the pane is on the screen."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self.on_screen:
                self.tick()

    def tick(self) -> None:
        """A second is over."""
        self.feed.poll(self._near, following=self._follows)

    # --- keys

    def deeds(self) -> Mapping[str, Deed]:
        if not len(self.buffer):
            return {}
        deeds: dict[str, Deed] = {
            "next_error": lambda: self._to_level(1, Level.ERROR),
            "previous_error": lambda: self._to_level(-1, Level.ERROR),
            "next_warning": lambda: self._to_level(1, Level.WARN),
            "previous_warning": lambda: self._to_level(-1, Level.WARN),
            "search": self._ask_search,
            "wrap": self._toggle_wrap,
            "timestamps": self._next_stamp,
            "copy": self._copy,
        }
        if unfolds(self._line):
            deeds["open"] = self._toggle
        if not self.following:
            deeds["follow"] = self.follow
        if not self._wrap:
            if self._shift < self._most_shift:
                deeds["right"] = lambda: self._scroll_right(1)
            if self._shift:
                deeds["left"] = lambda: self._scroll_right(-1)
        if self.finder.matches is not None:
            deeds["next_match"] = lambda: self.finder.to_match(self.viewport.cursor[0], 1)
            deeds["previous_match"] = lambda: self.finder.to_match(self.viewport.cursor[0], -1)
            deeds["back"] = self._end_search
        return deeds

    def moves(self, action: str) -> bool:
        """Obey a move action. Going up ends the following, going on at the very end resumes it."""
        view, page = self.viewport, self.viewport.height - 1
        if not len(self.buffer):
            return False
        match action:
            case "bottom":
                self.follow()
                return True
            case "top":
                self.following = False
                self._to_start()
                return True
            case "up" | "half_up" | "page_up":
                self.following = False
                step = {"up": 1, "half_up": max(1, page // 2), "page_up": page}[action]
                moved = view.move(-1) if step == 1 else view.page(-step)
            case "down" | "half_down" | "page_down":
                step = {"down": 1, "half_down": max(1, page // 2), "page_down": page}[action]
                moved = view.move(1) if step == 1 else view.page(step)
                if not moved and self.buffer.live:
                    self.following = True
            case _:
                return False
        self._load_near()
        return moved

    def wheel(self, direction: int) -> None:
        if len(self.buffer):
            if direction < 0:
                self.following = False
            self.viewport.scroll(3 * direction)
            self._load_near()

    def click(self, key: str) -> None:
        """A row was clicked: go to its line, or open it when one is there."""
        serial = int(key.removeprefix("l:"))
        if serial == self.viewport.cursor[0]:
            if unfolds(self._line):
                self._toggle()
        else:
            self.following = False
            self.viewport.go(serial)

    def follow(self) -> None:
        """To the newest line, and stay there."""
        self.following = True
        if not self.buffer.live:
            self.feed.jump(Anchor.END, self._to_end)

    def _to_start(self) -> None:
        if self.buffer.at_start:
            self.viewport.go(self.buffer.first)
        else:
            self.feed.jump(Anchor.START, lambda page: self.viewport.go(self.buffer.first))

    def _to_end(self, page: LogPage) -> None:
        self.viewport.go(self.buffer.stop - 1)

    def _to_focus(self, page: LogPage) -> None:
        """To the line that the page was asked for."""
        if page.focus is None:
            self.following = page.at_end
            self._to_end(page)
            if page.lines:
                self._shell.tell("no error line: this is its newest line", ok=False)
            return
        self._go(self.buffer.first + page.focus)

    def _go(self, serial: int) -> None:
        """To a line that was looked for; opened where what is looked for is inside."""
        self.following = False
        self.viewport.go(serial)
        line = self.buffer[serial]
        pattern = self._pattern
        if pattern is not None and not pattern.in_view(line) and pattern.holds(line):
            self._opened.add(_identity(line))
        self._sought = serial

    def _to_level(self, step: int, level: Level) -> None:
        self.finder.to_level(self.viewport.cursor[0], step, level, following=self.following)

    def _ask_search(self) -> None:
        finder, before = self.finder, self.finder.matches

        def done(text: str | None) -> None:
            if text:
                finder.look_for(text, self.viewport.cursor[0], following=self.following)
            else:
                finder.matches = before

        def changed(text: str) -> None:
            finder.matches = Matches(Pattern(text)) if text else None

        self._shell.ask(AskLine("search:", done, changed))

    def _end_search(self) -> None:
        self.finder.matches = None

    def _toggle(self) -> None:
        self._opened ^= {_identity(self._line)}
        self.following = False
        self.viewport.go(self.viewport.cursor[0])
        self.viewport.reveal()

    def _toggle_wrap(self) -> None:
        self._wrap, self._shift = not self._wrap, 0

    def _next_stamp(self) -> None:
        self._stamp = _STAMPS[(_STAMPS.index(self._stamp) + 1) % len(_STAMPS)]
        self._shell.tell(f"timestamps: {self._stamp.value}")

    def _scroll_right(self, step: int) -> None:
        self._shift = max(0, min(self._most_shift, self._shift + step * SHIFT_CELLS))

    def _copy(self) -> None:
        line = self._line
        opened = _identity(line) in self._opened
        self._shell.copy("\n".join((line.message, *(line.detail if opened else ()))), "the line")

    # --- drawing

    def rows(self, frame: Frame, height: int) -> list[Row]:
        """The title and at most ``height - 1`` rows."""
        if not len(self.buffer):
            return [self._title(frame.look, frame.width), *self._empty(frame)][:height]
        if self.finder.matches is not None:
            self.finder.matches.refresh(self.buffer)
        self._layout = layout = self._laid_out(frame.look, frame.width)
        if self._follows:
            self.viewport.go(self.buffer.stop)
        spots = self._window(height - 1)
        self._seen = max(self._seen, spots[-1][0])
        self._most_shift = max(
            overhang(self.buffer[serial], layout, self._opened_at(serial)) for serial in {s for s, _ in spots}
        )
        cursor = self.viewport.cursor
        rows: list[Row] = []
        for serial, number in spots:
            selected = cursor[1] if serial == cursor[0] else None
            line = self.buffer[serial]
            shown = self._shown(line)
            rows.append(self._drawing.rows(serial, line, layout, shown, selected)[number])
        return [self._title(frame.look, frame.width), *rows]

    def _window(self, height: int) -> list[Spot]:
        spots = self.viewport.window(height)
        sought, self._sought = self._sought, None
        if sought is not None and (sought, 0) not in spots[2:-3]:
            self.viewport.centre()
            spots = self.viewport.window(height)
        return spots

    def _laid_out(self, look: Look, width: int) -> Layout:
        widest_run = self.buffer.widest_run if self._subject.many_runs else 0
        step, run = columns(width, self.buffer.widest_step, widest_run)
        return Layout(look, width, self._stamp, self._wrap, self._shift, step, run)

    def _shown(self, line: LogLine) -> Shown:
        return Shown(
            _identity(line) in self._opened,
            self._subject.began(line) if self._stamp is Stamp.ELAPSED else None,
            self._pattern,
        )

    def _title(self, look: Look, width: int) -> Row:
        dot = f" {look.signs.dot} "
        right = self._behind()
        parts = [self._subject.title, *self._state(look)]
        while len(parts) > 1 and width_of(dot.join(parts)) + width_of(right) + 7 > width:
            parts.pop()
        return rule(look, width, dot.join(parts), right)

    def _state(self, look: Look) -> list[str]:
        """What the title says, the most important first."""
        if not self.feed.answered:
            return [f"reading {look.signs.more}"]
        if not len(self.buffer):
            return []
        waiting = self.buffer.stop - 1 - self._seen
        parts = [] if self._ends else ["follow" if self._follows else "paused"]
        if not self._follows and waiting > 0:
            parts.append(f"{waiting:,} line{'' if waiting == 1 else 's'} waiting")
        elif not self.buffer.live:
            parts.append("more below")
        if (matches := self.finder.matches) is not None:
            parts.append(f"/{matches.pattern.text} {len(matches):,} found")
        errors, lines = self.buffer.errors, len(self.buffer) - self.buffer.marks
        of = f"{lines:,} line{'' if lines == 1 else 's'}"
        parts.append(f"{errors:,} error{'' if errors == 1 else 's'} in {of}" if errors else of)
        return parts

    @property
    def _ends(self) -> bool:
        """Whether it is a log up to a moment: nothing follows, and nothing is behind."""
        return self._subject.request.until is not None

    def _behind(self) -> str:
        if self._ends:
            return ""
        behind = self.feed.behind
        if not self._follows and self.buffer.live and len(self.buffer):
            seen = self.buffer[min(max(self._seen, self.buffer.first), self.buffer.stop - 1)].at
            newest = self.buffer[self.buffer.stop - 1].at
            behind = max(0.0, newest - seen) if newest is not None and seen is not None else None
        return f"{numbers.age(behind)} behind" if behind is not None and len(self.buffer) else ""

    def _empty(self, frame: Frame) -> list[Row]:
        if self.feed.problem is None:
            words = "no line yet" if self.feed.answered else ""
            return [Line(frame.look, frame.width).add(f"  {words}", "muted").row()]
        parts = wrap(self.feed.problem, frame.width - 4, 6)
        return [Line(frame.look, frame.width).add("  ").add(part).row() for part in parts]

    # --- inside

    def _loaded(self) -> None:
        self._seen = self.buffer.stop - 1
        self._shell.redraw()

    @property
    def _follows(self) -> bool:
        """Whether new lines move the window now."""
        return self.following and self._shell.paused_at is None

    @property
    def _pattern(self) -> Pattern | None:
        return self.finder.matches.pattern if self.finder.matches is not None else None

    @property
    def _near(self) -> int:
        return self.buffer.stop if self._follows else self.viewport.cursor[0]

    @property
    def _line(self) -> LogLine:
        serial = min(max(self.viewport.cursor[0], self.buffer.first), self.buffer.stop - 1)
        return self.buffer[serial]

    def _height(self, serial: int) -> int:
        if self._layout is None:  # never drawn yet
            return 1
        return height(self.buffer[serial], self._layout, self._opened_at(serial))

    def _opened_at(self, serial: int) -> bool:
        return _identity(self.buffer[serial]) in self._opened

    def _load_near(self) -> None:
        """Load more where the cursor comes near an end of what is loaded."""
        page = 2 * self.viewport.height
        cursor = self.viewport.cursor[0]
        if cursor - self.buffer.first < page and not self.buffer.at_start:
            self.feed.more(Anchor.BEFORE, cursor)
        elif self.buffer.stop - cursor < page and not self.buffer.live:
            self.feed.more(Anchor.AFTER, cursor)


def _identity(line: LogLine) -> tuple[int, int, int]:
    return line.file, line.offset, line.part
