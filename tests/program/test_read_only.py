"""``--read-only``: every key and command that would change something is refused, and nothing is written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from support.program import Program
from support.troubled import troubled_log


@pytest.fixture
def troubled(home: Program) -> Program:
    log = troubled_log(home.folder / "app.jsonl")
    return replace(home, words=("--logs", str(log), "--no-host"))


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Files below ``folder`` with their sizes and times, but for those that SQLite reads with."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_commands_that_change_something_are_refused(troubled: Program) -> None:
    alert = troubled.run("check", "--json").json["alerts"][0]["id"]
    before = state_of(troubled.folder)
    refused = troubled.run("--read-only", "ack", alert)
    assert refused.code == 1, refused
    assert "read-only" in refused.err
    assert troubled.run("ack", alert).code == 0
    assert state_of(troubled.folder) != before
    given = troubled.run("unack", alert, "--read-only")
    assert given.code == 1
    assert "read-only" in given.err
    assert [entry["id"] for entry in troubled.run("acks", "--json").json] == [alert]


def test_looking_works_and_leaves_no_trace(troubled: Program) -> None:
    for command in (("check",), ("snapshot", "--json"), ("doctor",), ("acks",)):
        done = troubled.run(*command, "--read-only")
        assert done.err == "", done
        assert "invoice_extract fails" in done.out or command[0] in ("doctor", "acks")
    assert os.listdir(troubled.folder) == ["app.jsonl"], "not even an empty directory is made"


def test_keys_that_change_something_are_refused_on_the_screen(troubled: Program) -> None:
    alert = troubled.run("check", "--json").json["alerts"][0]["id"]
    before = state_of(troubled.folder)
    with troubled.terminal("--read-only", size=(80, 24)) as terminal:
        terminal.wait_for(r"failure_rate +invoice_extract")
        terminal.send("a")
        terminal.wait_for("read-only: nothing was changed")
        terminal.send("u")
        terminal.settle(0.3)
        assert "acked" not in terminal.screen_text()
        assert "comment" not in terminal.screen_text()
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
    assert state_of(troubled.folder) == before
    assert troubled.run("acks", "--json").json == []
    assert troubled.run("check", "--json").json["alerts"][0]["id"] == alert
