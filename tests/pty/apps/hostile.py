"""A widget that hands raw control characters to Textual, as only a bug could; ``ready`` is below them."""

from __future__ import annotations

import sys

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from wfmon.ui.terminal import QuietApp, run_app
from wfmon.ui.writer import FrameWriter

PAYLOADS = (
    "\x1b]0;PWNED\x07",
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1b]8;;http://evil/x\x1b\\",
    "\x1b[2J",
    "\x9b31m\x9d0;PWNED",
    "\x1bc",
    "\x1b",
    "\x1b]0;no end",
    "\x7f\x00\x0e\r\n\x08",
    "a\u202eb\u200bc\u2028d\ud800e",
)


class Hostile(Widget):
    def render_line(self, y: int) -> Strip:
        text = PAYLOADS[y] if y < len(PAYLOADS) else "ready"
        link = Style(link="http://evil/link", bold=True)
        return Strip([Segment("<", None), Segment(text, link), Segment(">", None)])


class HostileApp(QuietApp):
    def compose(self) -> ComposeResult:
        yield Hostile()


if __name__ == "__main__":
    app = HostileApp()
    if len(sys.argv) > 1:
        app.writer = FrameWriter(release=sys.argv[1])
    raise SystemExit(run_app(app))
