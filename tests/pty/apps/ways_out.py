"""An app on the base class with every way to misbehave at the end; ``ready`` is shown when it runs."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widget import Widget

from wfmon.ui.lifeline import end_process
from wfmon.ui.terminal import QuietApp, run_app


class Board(Widget):
    can_focus = True
    presses = 0

    flooding = False

    def render(self) -> str:
        noise = "".join(random.choices("abcdefgh", k=5000)) if self.flooding else ""
        return f"ready {self.presses}{noise}"


class WaysOut(QuietApp):
    CSS = "Board { height: 1fr; background: $primary; color: $text; }"
    BINDINGS = [  # noqa: RUF012
        Binding("q", "quit"),
        Binding("x", "crash"),
        Binding("b", "block"),
        Binding("h", "hang_executor"),
        Binding("t", "hang_thread"),
        Binding("p", "press"),
        Binding("f", "flood"),
    ]

    def compose(self) -> ComposeResult:
        yield Board()

    def action_press(self) -> None:
        board = self.query_one(Board)
        board.presses += 1
        board.refresh()

    def action_flood(self) -> None:
        """More output than any pty holds, for ever; and a crash report longer than that."""
        board = self.query_one(Board)
        board.flooding = True
        self.set_interval(0.02, board.refresh)

    def action_crash(self) -> None:
        api_key = "sk-live-0123456789abcdef0123456789abcdef"  # noqa: F841 (a local that no report may show)
        long = "a long way down\n" * 3000 if self.query_one(Board).flooding else ""
        raise RuntimeError(f"password=hunter2 \x1b]0;PWNED\x07{long}")

    def action_block(self) -> None:
        self.query_one(Board).presses = 99
        time.sleep(20)

    async def action_hang_executor(self) -> None:
        self._task = asyncio.create_task(asyncio.to_thread(time.sleep, 20))
        self.action_press()

    def action_hang_thread(self) -> None:
        threading.Thread(target=time.sleep, args=(20,)).start()
        self.action_press()


if __name__ == "__main__":
    code = run_app(WaysOut())
    if "--no-end" not in sys.argv:
        end_process(code)
    sys.exit(code)
