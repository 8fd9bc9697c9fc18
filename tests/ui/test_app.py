"""The Textual app around the shell: threads, the clock, painting, the mouse, leaving."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

from textual.pilot import Pilot

from support.screen import FakeDoors, look
from support.snapshots import NOW, all_fine, incident, nothing_yet
from wfmon.model.action import Action, Outcome
from wfmon.model.source import SourceState
from wfmon.ui.app import WfmonApp
from wfmon.ui.keys import Keymap
from wfmon.ui.screenhost import Settings
from wfmon.ui.widgets.canvas import Canvas


def make(doors: FakeDoors, *, refresh: float = 1.0) -> WfmonApp:
    return WfmonApp(doors, Settings(look(), Keymap(), by="joe"), refresh=refresh, clock=lambda: NOW)


def text(app: WfmonApp) -> str:
    canvas = app.screen.query_one(Canvas)
    return "\n".join(canvas.render_line(y).text.rstrip() for y in range(canvas.size.height))


async def shows(pilot: Pilot[int], words: str, *, patience: float = 10.0) -> None:
    """Waits until ``words`` stand on the screen."""
    app = pilot.app
    assert isinstance(app, WfmonApp)
    await until(lambda: words in text(app), f"{words!r} is not on the screen:\n{{}}", app, patience)


async def until(met: Callable[[], bool], message: str, app: WfmonApp, patience: float = 10.0) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while not met():
        assert loop.time() < end, message.format(text(app))
        await asyncio.sleep(0.01)


async def test_it_starts_without_any_answer_and_the_first_snapshot_is_shown_at_once() -> None:
    doors = FakeDoors()
    app = make(doors, refresh=3600.0)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "starting")
        doors.publish(incident())
        await shows(pilot, "✖ failure_rate")


async def test_snapshots_come_from_another_thread() -> None:
    doors = FakeDoors()
    app = make(doors)
    async with app.run_test(size=(80, 24)) as pilot:
        thread = threading.Thread(target=doors.publish, args=(incident(),))
        thread.start()
        await shows(pilot, "invoice_extract fails 32%")
        thread.join()


async def test_later_snapshots_wait_for_the_tick_but_a_change_of_level_does_not() -> None:
    doors = FakeDoors(incident())
    app = make(doors, refresh=3600.0)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "nobody has it")
        base = incident()
        doors.publish(replace(base, verdict=replace(base.verdict, text="another sentence")))
        await pilot.pause()
        assert "another sentence" not in text(app)
        doors.publish(all_fine())
        await shows(pilot, "all 5 workflows normal")


async def test_while_a_source_has_not_answered_every_snapshot_is_shown_at_once() -> None:
    base = nothing_yet()
    waiting = tuple(replace(one, state=SourceState.WAITING) for one in base.sources)
    doors = FakeDoors(replace(base, sources=waiting))
    app = make(doors, refresh=3600.0)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "waiting for app logs, host")
        doors.publish(replace(base, sources=(base.sources[0], waiting[1])))
        await shows(pilot, "waiting for host")
        doors.publish(base)
        await shows(pilot, "Nothing reports runs here yet")


async def test_the_tick_shows_the_newest() -> None:
    doors = FakeDoors(incident())
    app = make(doors, refresh=0.1)
    async with app.run_test(size=(80, 24)) as pilot:
        base = incident()
        for number in range(5):
            doors.publish(replace(base, verdict=replace(base.verdict, text=f"sentence {number}")))
        await shows(pilot, "sentence 4")


async def test_only_rows_that_changed_are_painted() -> None:
    doors = FakeDoors(incident())
    app = make(doors, refresh=3600.0)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "nobody has it")
        canvas = app.screen.query_one(Canvas)
        rows = [row.strip for row in app.shell.draw(80, 24)]
        assert canvas.show(rows) == 0
        app.shell.view.cursor.move("down", 1)
        changed = [row.strip for row in app.shell.draw(80, 24)]
        assert canvas.show(changed) <= 4, "two rows, the verdict's hint and the footer"


async def test_resizing_draws_for_the_new_size() -> None:
    app = make(FakeDoors(incident()))
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "nobody has it")
        await pilot.resize_terminal(120, 40)
        await shows(pilot, "RETRY")
        await pilot.resize_terminal(50, 10)
        await shows(pilot, "50x10 is too small")
        await pilot.resize_terminal(60, 15)
        await shows(pilot, "failure_rate")


async def test_mouse_and_paste_and_keys_arrive() -> None:
    app = make(FakeDoors(incident()))
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "nobody has it")
        await pilot.click(Canvas, offset=(5, 10))
        assert app.shell.view.cursor.key == "w:data_processing"
        await pilot.press("slash")
        from textual import events

        app.screen.post_message(events.Paste("email\x1b[31m\n"))
        await shows(pilot, "filter: email[31m")
        await pilot.press("escape", "S")
        await shows(pilot, "collector: you")
        await pilot.press("question_mark")
        await shows(pilot, "Help: sources")


async def test_q_and_ctrl_c_leave_with_0_and_give_the_monitor_up() -> None:
    for key in ("q", "ctrl+c"):
        doors = FakeDoors(incident())
        app = make(doors)
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "nobody has it")
            await pilot.press(key)
        assert app.return_value == 0
        assert doors.subscribers == 0
        doors.publish(all_fine())  # a late snapshot harms nobody


async def test_an_action_that_breaks_is_told_and_ends_nothing() -> None:
    class Broken(FakeDoors):
        async def act(self, action: Action) -> Outcome:
            raise OSError("[/bold] \x1b[31m broken")

    app = make(Broken(incident()))
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "nobody has it")
        await pilot.press("a")
        await shows(pilot, "OSError: [/bold] ␛[31m broken")
        await pilot.press("S")
        await shows(pilot, "collector: you")
