"""The app base class: everything between Textual and the terminal."""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")

from textual.app import App


class QuietApp(App[int]):
    """Base of the monitor's app: sends only what changed and gives the terminal back.

    ``run_app(app)`` runs it; its value is the exit code.
    """

    ENABLE_COMMAND_PALETTE = False

    def repaint(self) -> None:
        """Send every row once more, without a clear: heals what others wrote on the screen."""
        self.refresh()


def run_app(app: QuietApp, *, mouse: bool = True) -> int:
    """Run to the end; the exit code, with the terminal given back. Blocks."""
    app.run(mouse=mouse)
    return app.return_code or 0
