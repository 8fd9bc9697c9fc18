"""The whole program as a person or a script runs it: from the command line, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.pty import Terminal

COMMAND = (sys.executable, "-m", "wfmon")
# What would make the program of a test behave as its environment says.
FOREIGN = ("SUDO_USER", "SSH_CONNECTION", "SSH_TTY", "NO_COLOR")
PATIENCE = 60.0  # seconds that a command may take on a machine under load


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended. ``seconds`` is its wall time."""

    code: int
    out: str
    err: str
    raw: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """Its standard output as JSON; raises ``ValueError`` where it is none."""
        return json.loads(self.out, parse_constant=_no_constant)

    def __str__(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.out}{self.err}"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class Program:
    """Runs wfmon-tui with ``folder`` as its home: settings, state and logs of nobody else are found.

    ``words`` follow every command; ``prefix`` goes before it (to run as another user).
    """

    folder: Path
    words: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    user: str = "tester"

    def env(self, more: Mapping[str, str | None] | None = None) -> dict[str, str | None]:
        """Changes of the environment; None removes."""
        changes: dict[str, str | None] = {name: None for name in os.environ if name.startswith("WFMON_")}
        changes |= dict.fromkeys(FOREIGN)
        changes |= {
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "WFMON_STATE_DIR": str(self.folder / "state" / "wfmon"),
            "WFMON_USER": self.user,
            # Else a test without sources would read what others run on this machine.
            "WFMON_DISCOVERY_ENABLED": "false",
            "LANG": "C.UTF-8",
            "LC_ALL": None,
            "TZ": "UTC",
        }
        return changes | dict(more or {})

    def argv(self, *words: str) -> list[str]:
        return [*self.prefix, *COMMAND, *words, *self.words]

    def run(
        self,
        *words: str,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        timeout: float = PATIENCE,
    ) -> Done:
        """Run one command without a terminal and wait for its end."""
        merged = {**os.environ, **self.env(env)}
        began = time.perf_counter()
        done = subprocess.run(
            self.argv(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={name: value for name, value in merged.items() if value is not None},
            cwd=cwd or self.folder,
            timeout=timeout,
            check=False,
        )
        return Done(
            done.returncode,
            done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"),
            done.stdout,
            time.perf_counter() - began,
        )

    def terminal(
        self,
        *words: str,
        size: tuple[int, int] = (120, 40),
        env: Mapping[str, str | None] | None = None,
        without_hup: bool = False,
    ) -> Terminal:
        """The screen in a pty; a context manager."""
        return Terminal(self.argv(*words), size, self.env(env), cwd=str(self.folder), without_hup=without_hup)


def json_lines(lines: Sequence[Mapping[str, object]]) -> bytes:
    """A log of JSON lines, in ASCII."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
