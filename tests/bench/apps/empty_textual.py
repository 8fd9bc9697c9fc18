"""The floor: a plain Textual app that shows a clock once a second, by Textual's own driver."""

from __future__ import annotations

import time

from textual.app import App, ComposeResult
from textual.widgets import Label


class EmptyApp(App[None]):
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
    EmptyApp().run()
