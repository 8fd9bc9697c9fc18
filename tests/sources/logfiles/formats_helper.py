"""Log files of real systems, as their documentation and their sources describe them, read with the shipped
profiles."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sources.logfiles.helpers import NOW, OPEN
from support.payloads import FOLDER
from wfmon.model.log import FileMark, LogLine, LogRequest
from wfmon.model.run import Run, WorkflowRuns
from wfmon.sources.base import Reading
from wfmon.sources.logfiles import LogFilesSource, LogSettings
from wfmon.sources.profile import Profile, load_profiles

LOGS = FOLDER / "logs"
BEGAN = NOW - 600.0  # when the first run of each payload begins
WRITTEN = BEGAN + 100.0


@cache
def shipped() -> tuple[Profile, ...]:
    return load_profiles()


class Read:
    """A source over ``patterns``, polled once at ``at``."""

    def __init__(
        self,
        *patterns: object,
        profiles: tuple[str, ...] = (),
        marks: Sequence[FileMark] = (),
        at: float = WRITTEN,
        tail_bytes: int = 4 << 20,
    ) -> None:
        self.source = LogFilesSource(
            "logs",
            [str(pattern) for pattern in patterns],
            settings=LogSettings(profiles=profiles, tail_bytes=tail_bytes),
            profiles=shipped(),
        )
        OPEN.append(self.source)
        self.source.resume(marks)
        self.reading = self.poll(at)

    def poll(self, at: float) -> Reading:
        self.reading = self.source.poll(at)
        return self.reading

    @property
    def workflows(self) -> dict[str, WorkflowRuns]:
        assert self.reading.runs is not None
        return self.reading.runs.workflows

    def run(self, run_id: str) -> Run:
        (found,) = [run for run in self.all_runs if run.id == run_id]
        return found

    @property
    def all_runs(self) -> list[Run]:
        return [run for each in self.workflows.values() for run in (*each.finished, *each.open)]

    def page(self, **request: object) -> tuple[LogLine, ...]:
        return self.source.page(LogRequest(**request), lambda: False).lines  # type: ignore[arg-type]

    def texts(self, **request: object) -> list[str]:
        return [line.message for line in self.page(**request)]


def copied(tmp_path: Path, name: str) -> Path:
    """The payload's file or folder below ``tmp_path``, all of it written at ``WRITTEN``."""
    target = tmp_path / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if (LOGS / name).is_dir():
        shutil.copytree(LOGS / name, target)
    else:
        shutil.copy(LOGS / name, target)
    for path in [target, *target.rglob("*")]:
        os.utime(path, (WRITTEN, WRITTEN))
    return target
