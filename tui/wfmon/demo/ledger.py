"""What really happened: one JSON object a finished run, appended by every worker to one file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Tokens and money that a run spent on one model."""

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One run. ``index`` counts the planned runs of its workflow; ``logged_id`` is False where the
    log does not name the run. Times are POSIX seconds."""

    index: int
    run_id: str
    logged_id: bool
    workflow: str
    status: str
    pid: int
    started_at: float
    ended_at: float
    duration_seconds: float
    retries: int
    api_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    usage: tuple[ModelUse, ...]
    error: str | None = None


class Ledger:
    """Each entry is one ``write`` in append mode, so that the lines of several workers do not mix."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, entry: Entry) -> None:
        os.write(self._file, json.dumps(asdict(entry)).encode() + b"\n")


def read_ledger(path: Path) -> list[Entry]:
    """All entries that are whole; a missing file is a workload in which nothing has ended yet."""
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            fields = json.loads(line)
            fields["usage"] = tuple(ModelUse(**use) for use in fields["usage"])
            entries.append(Entry(**fields))
    return entries
