"""Standard input as a log file: it is written to a temporary file, which is read like any other."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wfmon.config import schema

if TYPE_CHECKING:
    from wfmon.sources.logfiles import LogFilesSource

_BLOCK = 1 << 16


@contextmanager
def spooled(logs: schema.Logs) -> Iterator[tuple[LogFilesSource, threading.Event]]:
    """A source of what standard input gives, and what is set once it has ended. The file is gone afterwards
    and nobody else's to read meanwhile."""
    from wfmon.sources.logfiles import LogFilesSource

    ended = threading.Event()
    with tempfile.NamedTemporaryFile(prefix="wfmon-", suffix=".log") as file:
        copying = threading.Thread(target=_copy, args=(file.fileno(), ended), name="wfmon-stdin", daemon=True)
        copying.start()
        entry = schema.Source(name="standard input", kind="logs", paths=[file.name])
        source = LogFilesSource.from_config(entry, logs)
        try:
            yield source, ended
        finally:
            source.close()


def _copy(to: int, ended: threading.Event) -> None:
    try:
        while block := os.read(sys.stdin.fileno(), _BLOCK):
            os.write(to, block)
    finally:
        ended.set()
