"""Where state lives: a private directory, or one that a group shares."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from wfmon.model.record import dataclass

SYSTEM_DIR = Path("/var/lib/wfmon")


@dataclass(frozen=True, slots=True)
class StateDir:
    """``shared``: other users write here too, so their acks are seen.

    ``problem`` says in words why nothing can be saved there.
    """

    path: Path
    shared: bool = False
    problem: str | None = None

    @property
    def file_mode(self) -> int:
        return 0o660 if self.shared else 0o600


def state_dir(
    configured: str, environ: Mapping[str, str], *, system: Path = SYSTEM_DIR, make: bool = True
) -> StateDir:
    """The state directory: ``configured`` if given, else ``system`` if it exists and is writable, else
    ``$XDG_STATE_HOME/wfmon``. A missing one is made, private (0700), if ``make``. Never raises."""
    if configured:
        return _prepared(Path(configured).expanduser(), make)
    if system.is_dir() and os.access(system, os.W_OK | os.X_OK):
        return _prepared(system, make)
    home = environ.get("XDG_STATE_HOME", "")
    base = Path(home) if home.startswith("/") else _home(environ) / ".local" / "state"
    return _prepared(base / "wfmon", make)


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path("~").expanduser()


def _prepared(path: Path, make: bool) -> StateDir:
    try:
        if make:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode
    except FileNotFoundError:
        return StateDir(path)
    except OSError as error:
        return StateDir(path, problem=f"{path}: {os.strerror(error.errno or 0).lower()}")
    if mode & stat.S_IWOTH:
        # Anybody could put another file in the place of ours.
        return StateDir(path, problem=f"{path} is writable by everybody: chmod o-w")
    shared = bool(mode & stat.S_IWGRP)
    if not os.access(path, os.W_OK | os.X_OK):
        return StateDir(path, shared, problem=f"{path} is not writable")
    return StateDir(path, shared)
