"""The event log of n8n while n8n restarts: it renames its files before it goes on in a new one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sources.logfiles.formats_helper import BEGAN, LOGS, WRITTEN, Read
from wfmon.model.log import Anchor, LogRequest, Mark

KEEPS = 3  # N8N_EVENTBUS_LOGWRITER_KEEPLOGCOUNT


def event(at: float, name: str, execution: str) -> str:
    stamp = f"2026-02-25T06:{3 + int((at + 20) // 60):02}:{(at + 20) % 60:06.3f}Z"
    payload = {"executionId": execution, "workflowId": "wB2", "workflowName": "Nightly sync"}
    told = {"__type": "$$EventMessageWorkflow", "id": f"{name}-{execution}", "ts": stamp, "eventName": name}
    confirm = {"__type": "$$EventMessageConfirm", "confirm": told["id"], "ts": stamp}
    return "".join(json.dumps(each) + "\n" for each in ({**told, "payload": payload}, confirm))


def write(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)
    os.utime(log, (WRITTEN, WRITTEN))


def restart(log: Path) -> None:
    """As n8n does it: -2 becomes -3, -1 becomes -2, the log becomes -1, and a new one is begun."""
    for number in range(KEEPS, 0, -1):
        older = log.with_name(f"n8nEventLog-{number}.log")
        newer = log if number == 1 else log.with_name(f"n8nEventLog-{number - 1}.log")
        if newer.exists():
            newer.replace(older)
    log.touch()


def test_a_run_goes_on_over_a_restart(tmp_path: Path) -> None:
    log = tmp_path / ".n8n" / "n8nEventLog.log"
    log.parent.mkdir()
    write(log, (LOGS / "n8n/n8nEventLog.log").read_text())
    read = Read(log.parent / "n8nEventLog*.log")
    assert len(read.all_runs) == 5
    write(log, event(50, "n8n.workflow.started", "200"))
    read.poll(BEGAN + 101)
    assert read.run("200").status == "running"
    restart(log)
    write(log, event(60, "n8n.workflow.crashed", "200") + event(61, "n8n.workflow.started", "201"))
    read.poll(BEGAN + 103)
    crashed = read.run("200")
    assert (crashed.status, crashed.duration_seconds) == ("error", 10.0)
    assert len(read.all_runs) == 7  # nothing is read twice under its new name
    assert read.reading.sees == "2 files, 7 runs; n8n logs: 2"
    messages = [(line.message, line.mark) for line in read.page(run="200")]
    assert ("n8n.workflow.started", Mark.LINE) in messages
    assert (f"new file: {log}", Mark.ROTATION) in messages
    assert messages[-1] == ("n8n.workflow.crashed", Mark.LINE)


def test_four_restarts_in_a_row_between_two_looks(tmp_path: Path) -> None:
    log = tmp_path / "n8nEventLog.log"
    write(log, event(1, "n8n.workflow.started", "1"))
    read = Read(tmp_path / "n8nEventLog*.log")
    for number in range(1, 5):
        restart(log)
        text = event(number * 2, "n8n.workflow.success", str(number))
        write(log, text + event(number * 2 + 1, "n8n.workflow.started", str(number + 1)))
        read.poll(BEGAN + 110 + number * 3)
    assert [(run.id, run.status.value) for run in read.all_runs] == [
        ("1", "success"), ("2", "success"), ("3", "success"), ("4", "success"), ("5", "running"),
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "n8nEventLog-1.log", "n8nEventLog-2.log", "n8nEventLog-3.log", "n8nEventLog.log",
    ]  # fmt: skip


def test_a_process_that_begins_after_a_restart_reads_all_that_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "n8nEventLog.log"
    write(log, event(1, "n8n.workflow.started", "1"))
    restart(log)
    write(log, event(5, "n8n.workflow.success", "1"))
    os.utime(tmp_path / "n8nEventLog-1.log", (WRITTEN - 5, WRITTEN - 5))
    read = Read(tmp_path / "n8nEventLog*.log")
    assert (read.run("1").status, read.run("1").duration_seconds) == ("success", 4.0)


def test_the_worker_has_a_log_of_its_own(tmp_path: Path) -> None:
    main, worker = tmp_path / "n8nEventLog.log", tmp_path / "n8nEventLog-worker.log"
    write(main, event(1, "n8n.workflow.started", "1"))
    write(worker, event(5, "n8n.workflow.success", "1"))
    read = Read(tmp_path / "n8nEventLog*.log")
    assert (read.run("1").status, read.run("1").duration_seconds) == ("success", 4.0)
    error = read.source.page(LogRequest(run="1", anchor=Anchor.NEWEST_ERROR), lambda: False)
    assert [line.message for line in error.lines] == ["n8n.workflow.started", "n8n.workflow.success"]
