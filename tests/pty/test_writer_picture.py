"""The picture with the frame writer is the picture without it, after every single frame."""

from __future__ import annotations

import asyncio
import importlib.util
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unicodedata import combining, normalize

import pytest
from rich.console import RenderableType
from textual import events
from textual.driver import Driver
from textual.geometry import Size
from textual.pilot import Pilot
from textual.screen import Screen

from support.emulator import Emulator
from wfmon.ui.writer import guarded

BUSY = Path(__file__).parent / "apps" / "busy.py"


def load_busy() -> Any:
    spec = importlib.util.spec_from_file_location("busy_app", BUSY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


busy = load_busy()


@pytest.fixture(autouse=True)
def truecolor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


class CaptureDriver(Driver):
    """A terminal that is an emulator."""

    def __init__(self, app: Any, **options: Any) -> None:
        options["size"] = app.start_size
        super().__init__(app, **options)
        self._terminal: Emulator = app.with_writer
        self.sent = 0

    def write(self, data: str) -> None:
        self.sent += len(data)
        self._terminal.feed(data.encode())

    def start_application_mode(self) -> None:
        assert self._size is not None
        self.resize(*self._size)

    def resize(self, columns: int, lines: int) -> None:
        self._size = columns, lines
        self.send_message(events.Resize(Size(columns, lines), Size(columns, lines)))

    def disable_input(self) -> None: ...

    def stop_application_mode(self) -> None: ...


class Compared(busy.Busy):  # type: ignore[name-defined,misc]
    """Draws each update three ways, and compares: the writer, Textual itself, the guarded fallback."""

    start_size = (80, 24)

    def __init__(self, seed: int) -> None:
        super().__init__(seed, driver_class=CaptureDriver)
        self.with_writer, self.without, self.fallback = (Emulator(*self.start_size) for _ in range(3))
        self.plain_bytes = 0
        self.frames = 0
        self.resizing = False
        self.wrong: list[str] = []
        for emulator in self.emulators:
            emulator.feed(b"\x1b[?7l\x1b[?25l")

    @property
    def emulators(self) -> tuple[Emulator, Emulator, Emulator]:
        return self.with_writer, self.without, self.fallback

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        drawn = not self._batch_count and self._is_drawing
        if renderable is not None and drawn:
            plain = renderable.render_segments(self.console)  # type: ignore[union-attr]
            self.plain_bytes += len(plain.encode())
            self.without.feed(plain.encode())
            self.fallback.feed(guarded(renderable, self.console).encode())
        super()._display(screen, renderable)
        if renderable is not None and drawn:
            self.frames += 1
            if not self.resizing:
                self.compare()

    def compare(self, *, whole: bool = False) -> None:
        """Hold the rows that were drawn on since the last time (or all) against Textual's own."""
        for name, emulator in (("writer", self.with_writer), ("fallback", self.fallback)):
            drawn = (
                range(emulator.screen.lines) if whole else self.without.screen.dirty | emulator.screen.dirty
            )
            if difference := first_difference(emulator, self.without, drawn):
                self.wrong.append(f"frame {self.frames}, {name}: {difference}")
        for emulator in self.emulators:
            emulator.screen.dirty.clear()

    def resize_to(self, columns: int, lines: int) -> None:
        """Until the layout has followed, what is where depends on how a terminal cuts its rows."""
        self.resizing = True
        for emulator in self.emulators:
            emulator.resize(columns, lines)
        self._driver.resize(columns, lines)


def first_difference(got: Emulator, expected: Emulator, rows: Iterable[int]) -> str:
    columns = range(expected.screen.columns)
    for y in rows:
        one, other = got.screen.buffer[y], expected.screen.buffer[y]
        for x in columns:
            if one[x] != other[x] and bare(one[x]) != bare(other[x]):
                return f"row {y} column {x}: {one[x]} instead of {other[x]}"
    return ""


def bare(cell: Any) -> Any:
    """Without combining marks: Textual's cuts leave some before the text they belong to, where a
    terminal puts them on whatever stands there, a frame for instance, and the writer nowhere."""
    base = "".join(char for char in normalize("NFD", cell.data) if not combining(char))
    return cell._replace(data=base)


async def drive(app: Compared, script: Callable[[Pilot[Any]], Any]) -> None:
    running = asyncio.create_task(app.run_async())
    pilot: Pilot[Any] = Pilot(app)
    try:
        while not app.frames:
            assert not running.done()
            await asyncio.sleep(0.01)
        with app._context():
            await script(pilot)
            await pilot.pause()
    finally:
        app.exit()
        await running


@pytest.mark.parametrize("seed", range(3))
async def test_random_updates_resizes_and_modals(seed: int) -> None:
    app = Compared(seed)
    dice = random.Random(1000 + seed)

    async def script(pilot: Pilot[Any]) -> None:
        for _ in range(30):
            for _ in range(dice.randint(1, 3)):
                app.step()
            if dice.random() < 0.1:
                app.resize_to(dice.randint(30, 110), dice.randint(8, 40))
            await pilot.pause()
            if app.resizing:
                app.resizing = False
                app.compare(whole=True)
            assert not app.wrong, app.wrong[0]

    await drive(app, script)
    app.compare(whole=True)
    assert not app.wrong, app.wrong[0]
    assert app.frames > 30
    assert app._driver.sent < app.plain_bytes / 2


@pytest.mark.parametrize("seed", range(2))
async def test_foreign_bytes_are_healed_by_a_repaint(seed: int) -> None:
    app = Compared(seed)

    async def script(pilot: Pilot[Any]) -> None:
        for noise in (b"\x1b[5;5HBroadcast message from root", b"\x1b[2J\x1b[1;31m", b"\x1b]0;unfinished",
                      b"\x1b[3;9r\x1b[?6h", b"\x1b[4h", b"\x1b(0", b"\x1b[?7h\x1b[?25h"):  # fmt: skip
            app.step()
            await pilot.pause()
            app.with_writer.feed(noise)
            app.repaint()
            app.compare(whole=True)
            assert not app.wrong, (noise, app.wrong[0])
            app.step()
            await pilot.pause()
            assert not app.wrong, (noise, app.wrong[0])

    await drive(app, script)


async def test_rows_are_healed_one_after_the_other_without_a_clear() -> None:
    app = Compared(3)

    async def script(pilot: Pilot[Any]) -> None:
        app.step()
        await pilot.pause()
        app.with_writer.feed(b"".join(b"\x1b[%d;1Hnoise noise" % row for row in range(1, 25)))
        before = app._driver.sent
        app.writer.heal(0, 10)
        app._send_frame()
        first = app._driver.sent - before
        assert first_difference(app.with_writer, app.without, range(10)) == ""
        assert first_difference(app.with_writer, app.without, range(10, 24)) != ""
        app.writer.heal(10, 14)
        app._send_frame()
        app.compare(whole=True)
        assert 0 < first < app._driver.sent - before

    await drive(app, script)
    assert not app.wrong, app.wrong[0]
    assert app.with_writer.clears == 0


async def test_nothing_is_sent_when_nothing_changed() -> None:
    app = Compared(4)

    async def script(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        frames, before = app.frames, app._driver.sent
        for _ in range(3):
            app.screen.refresh()
            app.query_one("#title").refresh(layout=True)
            await pilot.pause()
        assert app.frames > frames
        assert app._driver.sent == before

    await drive(app, script)


async def test_a_resize_to_the_same_size_paints_again() -> None:
    """Between two events the terminal may have been smaller and have lost what it showed."""
    app = Compared(5)

    async def script(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        app.with_writer.feed(b"\x1b[2J")
        app.resize_to(*app.start_size)
        app.resizing = False
        await pilot.pause()
        app.compare(whole=True)

    await drive(app, script)
    assert not app.wrong, app.wrong[0]
