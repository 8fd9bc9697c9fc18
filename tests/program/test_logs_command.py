"""``wfmon-tui logs``: the lines of a run or a workflow from a shell."""

from __future__ import annotations

import json
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.program import COMMAND, Program
from support.waiting import wait_until

BEGIN = 1_790_000_000.0


def line(second: int, workflow: str, run: str, message: str, level: str = "info", **more: object) -> str:
    at = datetime.fromtimestamp(BEGIN + second, UTC).isoformat()
    said = {"timestamp": at, "level": level, "workflow": workflow, "run_id": run, "message": message, **more}
    return json.dumps(said) + "\n"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "app.jsonl").write_text(
        line(0, "billing", "run-aaaa1", "run started")
        + line(1, "billing", "run-bbbb2", "run started")
        + line(2, "billing", "run-aaaa1", "charge failed: sk-proj-0123456789abcdefghij0123456789", "error")
        + line(3, "mail", "run-cccc3", "run started")
        + line(4, "billing", "run-bbbb2", "paid \u001b[31mred\u001b[0m")
    )
    return Program(tmp_path, ("--logs", str(tmp_path / "*.jsonl")))


def messages(text: str) -> list[str]:
    return [json.loads(row)["message"] for row in text.splitlines()]


def test_a_workflow_a_run_and_the_beginning_of_an_id(program: Program) -> None:
    assert len(messages(program.run("logs", "billing", "--json").out)) == 4
    assert messages(program.run("logs", "run-bbbb2", "--json").out) == ["run started", "paid red"]
    assert messages(program.run("logs", "run-bb", "--json").out) == ["run started", "paid red"]
    assert messages(program.run("logs", "billing", "--json", "-n", "1").out) == ["paid red"]


def test_errors_only_and_no_secret_leaves(program: Program) -> None:
    done = program.run("logs", "billing", "--errors")
    (row,) = done.out.splitlines()
    assert "ERROR" in row
    assert "charge failed" in row
    assert "0123456789abcdef" not in done.out


def test_a_name_that_nothing_has_and_one_that_many_have(program: Program) -> None:
    missing = program.run("logs", "biling")
    assert (missing.code, missing.out) == (1, "")
    assert "no workflow or run biling; did you mean billing" in missing.err
    many = program.run("logs", "run-")
    assert many.code == 1
    assert "run- begins 3 run ids: run-aaaa1, run-bbbb2, run-cccc3" in many.err


def test_only_what_is_not_older(program: Program, tmp_path: Path) -> None:
    with (tmp_path / "app.jsonl").open("a") as log:
        log.write(
            json.dumps({"timestamp": datetime.now(UTC).isoformat(), "workflow": "billing", "msg": "now"})
            + "\n"
        )
    assert messages(program.run("logs", "billing", "--since", "1h", "--json").out) == ["now"]
    nothing = program.run("logs", "mail", "--since", "1h")
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err


def test_without_a_log_it_says_what_to_give(tmp_path: Path) -> None:
    done = Program(tmp_path).run("logs", "billing")
    assert done.code == 1
    assert "--logs" in done.err


def started(program: Program, *words: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in program.env().items() if value is not None}
    return subprocess.Popen(
        [*COMMAND, *words, *program.words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip


class Heard:
    """What a process has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.rows: list[str] = []
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.rows.extend(iter(process.stdout.readline, ""))

    def has(self, words: str) -> bool:
        return any(words in row for row in self.rows)


def test_following_prints_what_comes_also_over_a_rotation(program: Program, tmp_path: Path) -> None:
    with started(program, "logs", "billing", "-f") as process:
        heard = Heard(process)
        wait_until(lambda: heard.has("paid red"), timeout=30)
        with (tmp_path / "app.jsonl").open("a") as log:
            log.write(line(10, "billing", "run-dddd4", "after that"))
            log.write(line(10, "mail", "run-eeee5", "not this"))
        wait_until(lambda: heard.has("after that"), timeout=30)
        (tmp_path / "app.jsonl").rename(tmp_path / "app.1.jsonl")
        (tmp_path / "app.jsonl").write_text(line(11, "billing", "run-ffff6", "in the new file"))
        wait_until(lambda: heard.has("in the new file"), timeout=30)
        process.terminate()
        assert process.wait(timeout=30) == 143
    assert not heard.has("not this")
    assert sum("after that" in row for row in heard.rows) == 1


def test_standard_input_is_read_as_it_comes(tmp_path: Path) -> None:
    with started(Program(tmp_path), "logs", "-") as process:
        heard = Heard(process)
        assert process.stdin is not None
        process.stdin.write("2026-11-23 10:00:00,123 ERROR it broke\n")
        process.stdin.flush()
        wait_until(lambda: heard.has("it broke"), timeout=30)
        process.stdin.write('{"ts": 1790000000, "level": "info", "msg": "and went on"}\n')
        process.stdin.close()
        assert process.wait(timeout=30) == 0
    assert [row.split("  ")[-1].strip() for row in heard.rows] == ["ERROR it broke", "and went on"]
