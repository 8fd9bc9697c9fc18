"""The systemd unit that ``init --unit`` prints."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.program import Program
from wfmon.cli.arguments import parse
from wfmon.cli.options import Options
from wfmon.cli.unit import unit


def sections(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def command(text: str) -> list[str]:
    """The words that systemd would run: these texts have no escapes but doubled signs."""
    line = sections(text)["Service"]["ExecStart"]
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]


def test_it_records_into_the_shared_directory_and_starts_again(tmp_path: Path) -> None:
    program = Program(tmp_path)
    config = tmp_path / "my config.toml"
    config.write_text("[host]\nenabled = false\n")
    done = program.run("init", "--unit", "--config", config.name)
    assert (done.code, done.err) == (0, "")
    words = [
        sys.executable,
        "-m",
        "wfmon",
        "record",
        "--config",
        str(config),
        "--state-dir",
        "/var/lib/wfmon",
    ]
    assert command(done.out) == words
    service = sections(done.out)["Service"]
    assert service["StateDirectory"] == "wfmon"
    assert service["StateDirectoryMode"] == "2770"
    assert service["UMask"] == "0007"
    assert service["Restart"] == "always"
    assert service["SuccessExitStatus"] == "143"
    assert service["User"] == service["Group"] == "wfmon"
    for hiding in ("ProtectProc", "ProcSubset", "ProtectHome", "PrivateTmp", "ProtectSystem", "PrivateUsers"):
        assert hiding not in service, "it would see another host than the one that it watches"
    assert "RestrictSUIDSGID" not in service, "the shared directories have the setgid bit"


def test_what_the_unit_runs_is_understood_by_the_program() -> None:
    logs = '/a b/%d "$x"/*.jsonl'
    given = ["init", "--unit", "--scrape", "http://127.0.0.1:1/m", "--logs", logs, "--no-host"]
    text = unit(["/opt/wf mon/bin/wfmon-tui"], parse([*given, "--interval", "90s"]), None)
    words = command(text)
    assert words[:2] == ["/opt/wf mon/bin/wfmon-tui", "record"]
    run = parse(words[1:])
    assert run.command == "record"
    assert run.scrape == ("http://127.0.0.1:1/m",)
    assert run.logs == (logs,)
    assert (run.no_host, run.interval, run.state_dir) == (True, 90.0, "/var/lib/wfmon")


def test_a_state_directory_elsewhere_is_to_be_made_by_hand() -> None:
    text = unit(["wfmon-tui"], Options(state_dir="/srv/wf"), None)
    assert "StateDirectory" not in sections(text)["Service"]
    assert "install -d -o wfmon -g wfmon -m 2770 /srv/wf" in text
    assert command(text)[-2:] == ["--state-dir", "/srv/wf"]


def test_a_wrong_config_is_told_and_no_unit_is_printed(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[hosst]\n")
    done = Program(tmp_path).run("init", "--unit", "--config", str(config))
    assert (done.code, done.out) == (2, "")
    assert f"{config}:1: hosst" in done.err


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    done = Program(tmp_path).run("init", "--unit", "--logs", "/var/log/a b/%x*.jsonl")
    file = tmp_path / "wfmon.service"
    file.write_text(done.out)
    said = subprocess.run(
        ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in said.stderr.splitlines() if str(file) in line] == []
    file.write_text(done.out.replace("Nice=5", "Nicer=5"))
    spoilt = subprocess.run(
        ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Nicer" in spoilt.stderr
