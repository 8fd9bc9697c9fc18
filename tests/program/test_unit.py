"""What ``init --unit`` prints is run as systemd would, and ``check`` from cron is answered by it."""

from __future__ import annotations

import configparser
import os
import shlex
import signal
import subprocess
from pathlib import Path

from support.program import Program
from support.troubled import troubled_log
from support.waiting import wait_until


def exec_start(unit: str) -> list[str]:
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(unit)
    words = shlex.split(parser["Service"]["ExecStart"])
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


def test_the_printed_command_collects_and_check_reads_it(tmp_path: Path) -> None:
    log = troubled_log(tmp_path / "app 100%.jsonl")
    state = tmp_path / "shared state"
    state.mkdir(mode=0o2770)
    program = Program(tmp_path, ("--logs", str(log), "--no-host", "--state-dir", str(state)))
    alone = program.run("check")
    assert alone.code == 2, "from cron, with nobody who collects"
    done = program.run("init", "--unit")
    assert (done.code, done.err) == (0, "")

    # No shell, a home of its own, and only what a service has of an environment.
    service = Path(tmp_path / "service")
    service.mkdir()
    said = (service / "said").open("w+")
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(service), "WFMON_USER": "svc"}
    process = subprocess.Popen(
        exec_start(done.out), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env, cwd="/"
    )
    try:
        wait_until(lambda: "critical: invoice_extract fails 50%" in Path(said.name).read_text(), timeout=60)
        answered = wait_until(lambda: borrowed(program, process.pid), timeout=30)
        check = program.run("check")
        assert (check.code, check.err) == (alone.code, "")
        assert check.out.split(" since")[0] == alone.out.split(" since")[0] == answered
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143, "SuccessExitStatus of the unit"
    finally:
        process.kill()
        process.wait(20)
        said.close()
    assert "Traceback" not in Path(said.name).read_text()
    assert program.run("check").code == 2


def borrowed(program: Program, pid: int) -> str | None:
    """The start of what ``check`` says, once snapshots come from that collector."""
    told = program.run("snapshot", "--json").json
    if told["collector"]["self"] or told["collector"]["pid"] != pid:
        return None
    return "CRITICAL: " + str(told["verdict"]["text"]).split(" since")[0]
