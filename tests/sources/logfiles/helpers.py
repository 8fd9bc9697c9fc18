"""Log files under a test's hands, and a source that reads them under a clock of its own."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from wfmon.model.log import LogPage, LogRequest
from wfmon.model.run import Run, WorkflowRuns
from wfmon.sources.base import Reading
from wfmon.sources.logfiles import LogFilesSource, LogSettings

NOW = 1_772_000_000.0  # a moment in February 2026


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def line(at: float, **fields: object) -> str:
    return json.dumps({"timestamp": iso(at), **fields})


def write(path: Path, *lines: str, at: float | None = None) -> None:
    """Append lines; ``at`` is when the file says it was written."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{text}\n" for text in lines))
    touch(path, at)


def touch(path: Path, at: float | None = None) -> None:
    moment = NOW if at is None else at
    os.utime(path, (moment, moment))


OPEN: list[LogFilesSource] = []  # closed after each test, for a test run has few file descriptors


class Watched:
    """A source and its clock; each ``poll`` is a second later unless told otherwise."""

    def __init__(self, *patterns: object, **settings: object) -> None:
        self.now = NOW
        self.source = LogFilesSource(
            "logs",
            [str(pattern) for pattern in patterns],
            settings=LogSettings(**settings),  # type: ignore[arg-type]
        )
        OPEN.append(self.source)
        self.reading: Reading | None = None

    def poll(self, after: float = 1.0) -> dict[str, WorkflowRuns]:
        self.now += after
        self.reading = self.source.poll(self.now)
        assert self.reading.runs is not None
        return self.reading.runs.workflows

    @property
    def told(self) -> str:
        assert self.reading is not None
        return " | ".join((*self.reading.missing, self.reading.partial or ""))

    def runs(self, workflow: str = "w", after: float = 1.0) -> list[Run]:
        known = self.poll(after).get(workflow)
        return [] if known is None else [*known.finished, *known.open]

    def run(self, run_id: str = "r1", workflow: str = "w") -> Run:
        return next(run for run in self.runs(workflow) if run.id == run_id)

    def ids(self, workflow: str = "w", after: float = 1.0) -> list[str]:
        return [run.id for run in self.runs(workflow, after)]

    def page(self, **request: object) -> LogPage:
        return self.source.page(LogRequest(**request), lambda: False)  # type: ignore[arg-type]

    def texts(self, **request: object) -> list[str]:
        return [shown.message for shown in self.page(**request).lines]
