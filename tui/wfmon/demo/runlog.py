"""The logs of the workload: JSON lines with run ids, and the plain form of the guide without."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

KEEP_BYTES = 4 * 1024 * 1024
KEEP_FILES = 2

Field = str | int | float


class JsonLog:
    """One JSON object a line. Rotated by renaming, so that a demo left alone fills no disk."""

    def __init__(self, path: Path, workflow: str, keep_bytes: int = KEEP_BYTES) -> None:
        self._workflow = workflow
        self._handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=keep_bytes, backupCount=KEEP_FILES
        )
        self._logger = logging.Logger(workflow)
        self._logger.addHandler(self._handler)

    def write(self, level: int, message: str, run_id: str | None = None, **fields: Field | None) -> None:
        """Fields that are None are left out."""
        now = time.time()
        head: dict[str, Field | None] = {
            "timestamp": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z",
            "level": logging.getLevelName(level),
            "workflow": self._workflow,
            "run_id": run_id,
            "pid": os.getpid(),
            "message": message,
        }
        line = {key: value for key, value in {**head, **fields}.items() if value is not None}
        self._logger.info("%s", json.dumps(line))

    def write_text(self, lines: Iterable[str]) -> None:
        """Lines that are no JSON, as when a library prints its traceback itself."""
        for line in lines:
            self._logger.info("%s", line)


class WorkflowLogger:
    """The guide's example, with its naive UTC times, through Python's own logging format."""

    def __init__(self, path: Path, workflow: str, keep_bytes: int = KEEP_BYTES) -> None:
        self.workflow_name = workflow
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=keep_bytes, backupCount=KEEP_FILES)
        handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
        self.logger = logging.Logger(workflow)
        self.logger.addHandler(handler)

    def log_execution(self, status: str, duration: float, tokens: int, cost: float) -> None:
        log_entry = {
            "timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            "workflow": self.workflow_name,
            "status": status,
            "duration_seconds": duration,
            "tokens_used": tokens,
            "cost_usd": cost,
        }
        self.logger.info(json.dumps(log_entry))
