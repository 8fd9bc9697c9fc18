"""``main`` as a shell sees it: exit codes, one clear line, and what is loaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wfmon import __version__
from wfmon.cli import config as config_command
from wfmon.cli import main as main_module
from wfmon.cli import screenstart
from wfmon.cli.options import Options


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WFMON_", "XDG_"))}
    return {
        **kept,
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PYTHONUTF8": "1",
    }


def run(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wfmon", *words],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version_and_help(environ: dict[str, str]) -> None:
    assert run(environ, "--version").stdout == f"wfmon-tui {__version__}\n"
    told = run(environ, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    for word in (
        "watch",
        "demo",
        "snapshot",
        "check",
        "ack",
        "doctor",
        "--prometheus",
        "--read-only",
        "--theme",
    ):
        assert word in told.stdout
    assert "--unacked" in run(environ, "check", "--help").stdout


def test_wrong_use_is_2_and_one_line(environ: dict[str, str]) -> None:
    told = run(environ, "chekc")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "wfmon-tui: unknown command chekc; did you mean check?\n"


def test_wrong_config_is_2_and_each_problem_a_line(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[ui]\ntheem = "x"\nauth = { password = 1 }\n')
    for command in (["check"], ["snapshot"], ["doctor"], ["config", "check"], ["acks"]):
        told = run(environ, *command, "--config", str(file))
        assert (told.returncode, told.stdout) == (2, "")
        assert told.stderr.splitlines() == [
            f"{file}:2: ui.theem: unknown key, nearest known key: ui.theme",
            f"{file}:3: ui.auth: unknown key here, nearest known key: source.auth",
        ]


def test_a_watch_without_terminal_is_2(environ: dict[str, str]) -> None:
    told = run(environ)
    assert (told.returncode, told.stdout) == (2, "")
    assert "terminal" in told.stderr
    assert "Traceback" not in told.stderr


LOADED = """
import sys
from wfmon.cli.main import main
try:
    main({words!r})
except SystemExit:
    pass
heavy = [name for name in sys.modules if name.split(".")[0] in ("textual", "rich")]
print("HEAVY", heavy, file=sys.stderr)
"""


HEADLESS = (
    "--help",
    "--version",
    "check --help",
    "check --no-host --wait 1",
    "snapshot --json --no-host --wait 1",
    "ack nothing",
    "acks",
    "config show",
)


@pytest.mark.parametrize("line", HEADLESS)
def test_headless_commands_never_load_the_screen(environ: dict[str, str], line: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOADED.format(words=line.split())],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.stderr.splitlines()[-1] == "HEAVY []", told.stderr


def test_nothing_heavy_before_the_first_frame(environ: dict[str, str]) -> None:
    """Without ``site``, which loads modules of its own for editable installs."""
    package = str(Path(main_module.__file__).parents[2])
    code = f"import sys; sys.path.insert(0, {package!r}); import wfmon.cli.main; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {name.split(".")[0] for name in told.stdout.split()}
    assert loaded.isdisjoint(
        ("argparse", "msgspec", "typing", "pathlib", "tomllib", "textual", "re", "dataclasses")
    )


def raising(error: BaseException) -> object:
    def run(options: Options) -> int:
        raise error

    return run


def crash(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    monkeypatch.setattr(config_command, "run", raising(error))
    return main_module.main(["config", "show"])


def test_an_unexpected_error_is_told_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = crash(monkeypatch, ValueError("\x1b]0;PWNED\x07 password=hunter2"))
    told = capsys.readouterr().err
    assert code == 1
    assert "an error in wfmon-tui itself" in told
    assert "ValueError" in told
    assert "hunter2" not in told
    assert "\x1b" not in told


def test_an_error_of_the_system_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert crash(monkeypatch, OSError(28, "No space left on device", "/x")) == 1
    assert capsys.readouterr().err == "wfmon-tui: /x: No space left on device\n"


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert crash(monkeypatch, KeyboardInterrupt()) == 130


def test_a_failed_check_is_unknown_not_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from wfmon.cli import check

    monkeypatch.setattr(check, "run", raising(RuntimeError("x")))
    assert main_module.main(["check"]) == 3


def test_the_first_frame_is_undone_before_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(screenstart, "begin", lambda words: order.append("begin"))
    monkeypatch.setattr(screenstart, "undo", lambda: order.append("undo"))
    monkeypatch.setattr("builtins.print", lambda *words, **rest: order.append("print"))
    assert main_module.main(["nonsense"]) == 2
    assert order == ["begin", "undo", "print", "undo"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_give_their_exit_code(environ: dict[str, str], number: int) -> None:
    code = f"""
import os, sys
from wfmon.cli import config, main
config.run = lambda options: os.kill(os.getpid(), {int(number)}) or __import__("time").sleep(30) or 0
sys.exit(main.main(["config", "show"]))
"""
    told = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, timeout=60, check=False
    )
    assert told.returncode == 128 + number


def test_a_reader_that_leaves_is_no_crash(environ: dict[str, str]) -> None:
    """As ``wfmon-tui config schema | head -0``."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "wfmon", "config", "schema"],
        env=environ,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (1, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_told(environ: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "wfmon", "config", "schema"],
            env=environ,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert process.returncode == 1
    assert b"No space left" in process.stderr
    assert b"Traceback" not in process.stderr


def test_a_terminal_without_utf8_is_no_crash(environ: dict[str, str]) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "wfmon", "nonsense✖"],
        env={**environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 2
    assert b"nonsense?" in told.stderr
