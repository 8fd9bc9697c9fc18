"""The first frame, before anything heavy is imported: line 1 in the alternate screen.

``begin`` as the first thing the program does, ``undo`` before any message is printed and on any
failure. The screen driver takes over with ``hand_over``; from then on ``undo`` does nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_NO_SCREEN = frozenset(
    [
        "snapshot",
        "check",
        "ack",
        "unack",
        "snooze",
        "note",
        "acks",
        "logs",
        "doctor",
        "init",
        "record",
        "config",
        "rules",
        "cost",
        "-h",
        "--help",
        "-V",
        "--version",
        "--workload-only",
    ]
)
_SIGNALS = (1, 2, 15)  # SIGHUP, SIGINT, SIGTERM

_settings: list[object] | None = None
_shown = False


def begin(argv: Sequence[str]) -> None:
    """Show line 1 if these arguments (without the program's name) are about to open the screen."""
    global _settings, _shown  # noqa: PLW0603 (one terminal, one first frame)
    if _shown or not _NO_SCREEN.isdisjoint(argv) or not (os.isatty(0) and os.isatty(1)):
        return
    _shown = True
    os.write(1, _frame(argv))
    import gc
    import signal
    import termios

    # Until the screen runs (terminal.run_app): looking for garbage costs a tenth of the start, frees nothing.
    gc.disable()
    for number in _SIGNALS:
        signal.signal(number, _end)
    try:
        _settings = termios.tcgetattr(0)
        silent = [*_settings]
        silent[3] = int(str(silent[3])) & ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, silent)  # type: ignore[arg-type]
    except termios.error:
        _settings = None


def undo() -> None:
    """Back to the normal screen, as if nothing had been shown."""
    if _release():
        os.write(1, b"\x1b[?1049l\x1b[?25h")
        if _settings is not None:
            import termios

            termios.tcsetattr(0, termios.TCSANOW, _settings)  # type: ignore[arg-type]


def found_settings() -> list[object] | None:
    """The terminal's settings as they were before ``begin``; None when it did not run."""
    return _settings


def hand_over() -> bool:
    """The screen driver takes over; whether the alternate screen is already on."""
    return _release()


def _release() -> bool:
    global _shown
    was_shown, _shown = _shown, False
    return was_shown


def _end(number: int, _frame: object) -> None:
    undo()
    os._exit(128 + number)


def _frame(argv: Sequence[str]) -> bytes:
    encoding = (sys.stdout.encoding or "").lower() if sys.stdout else ""
    plain = "--ascii" in argv or not encoding.startswith("utf")
    host = "".join(character for character in os.uname().nodename if character.isprintable())
    line = f"wfmon  {host} - ops   starting..." if plain else f"wfmon  {host} · ops   starting…"
    return f"\x1b[?1049h\x1b[?25l\x1b[H{line}".encode("utf-8", "replace")
