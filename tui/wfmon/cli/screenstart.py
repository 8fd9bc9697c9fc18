"""The one place where a headless start meets the screen: its first frame, and the undoing of it."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.ui import firstframe


def begin(words: Sequence[str]) -> None:
    """Show the first frame if these words of the command line are about to open the screen."""
    firstframe.begin(words)


def undo() -> None:
    """The normal screen again, before anything is printed; nothing where no first frame is shown."""
    firstframe.undo()
