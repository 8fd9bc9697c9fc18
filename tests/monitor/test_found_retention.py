"""How far back logs reach that were found: their files are others when other processes run."""

from __future__ import annotations

import json
from pathlib import Path

from wfmon.config import schema
from wfmon.config.loader import load_config
from wfmon.monitor.discovering import HostEyes
from wfmon.sources.logfiles import LogFilesSource
from wfmon.text.numbers import rfc3339

NOW = 1_700_000_000.0


def test_an_oldest_line_that_moved_is_no_deletion_of_logs_that_were_found(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text(json.dumps({"timestamp": rfc3339(NOW - 5), "message": "x"}) + "\n")
    entry = schema.Source(name="n8n logs", kind="logs", paths=[str(log)])
    source = HostEyes(load_config(environ={}).config, (), connects=False).build(entry)
    assert isinstance(source, LogFilesSource)
    kept = [source.poll(NOW + n).kept for n in range(4)][-1]
    assert [each.chosen for each in kept] == [True]
