"""The same as ``empty_textual.py`` on the monitor's own base class: the difference is what that costs."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.widgets import Label

from wfmon.ui.lifeline import end_process
from wfmon.ui.terminal import QuietApp, run_app


class EmptyQuietApp(QuietApp):
    BINDINGS = [("q", "quit", "Quit")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        yield Label("hello", id="hello")
        yield Label("", id="clock")

    def on_mount(self) -> None:
        self.tick()
        self.set_interval(1.0, self.tick)

    def tick(self) -> None:
        self.query_one("#clock", Label).update(time.strftime("%H:%M:%S"))

    def on_key(self) -> None:
        self.query_one("#hello", Label).update(f"hello {time.monotonic():.6f}")


if __name__ == "__main__":
    end_process(run_app(EmptyQuietApp()))
