"""Writes what the simulations give, and the shipped settings, into ``docs/alerting.md``.

From ``tests``: ``python -m simulation.report``. It takes a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from simulation.table import DOCUMENT, HEAD, WRITE_TO, marks
from wfmon.config.resources import shipped_config


def defaults() -> list[str]:
    """The settings of the rules as the shipped ``config.toml`` has them, one row a section."""
    sections = tomllib.loads(shipped_config().read_text(encoding="utf-8"))["alerts"]
    own = {name: each for name, each in sections.items() if not isinstance(each, dict)}
    parts = {"alerts": own, **{f"alerts.{name}": each for name, each in sections.items() if name not in own}}
    return [
        "| section | settings |",
        "|---|---|",
        *(f"| `[{name}]` | {_told(each)} |" for name, each in parts.items()),
    ]


def _told(section: Mapping[str, object]) -> str:
    """``enabled`` and ``replaced_by`` are the same everywhere."""
    return ", ".join(
        f"{key} {_value(value)}" for key, value in section.items() if key not in ("enabled", "replaced_by")
    )


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_value(each)}" for key, each in value.items()) + ")"
    if isinstance(value, list):
        return " + ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def rows() -> list[str]:
    """Runs every simulation; ends the program where one fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows"
        here = Path(__file__).parent
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(here)]
        command += ["--ignore", str(here / "test_document.py")]
        done = subprocess.run(command, env={**os.environ, WRITE_TO: str(file)}, check=False)
        if done.returncode:
            raise SystemExit("a simulation is out of its bounds: nothing was written")
        return sorted(file.read_text(encoding="utf-8").splitlines())


def put(text: str, block: str, lines: list[str]) -> str:
    """``text`` with ``lines`` between the marks of ``block``."""
    begin, end = marks(block)
    before, found, rest = text.partition(f"{begin}\n")
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"{DOCUMENT} has no {begin} or no {end}")
    return "\n".join([f"{before}{begin}", *lines, f"{end}{after}"])


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    text = put(text, "defaults", defaults())
    text = put(text, "table", [*HEAD.splitlines(), *rows()])
    DOCUMENT.write_text(text, encoding="utf-8")
    print(f"written: {DOCUMENT}")


if __name__ == "__main__":
    main()
