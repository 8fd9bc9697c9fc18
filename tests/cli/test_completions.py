"""What real shells complete with the scripts that we print."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.pty import Terminal
from wfmon.cli.arguments import COMMANDS, INCIDENTS
from wfmon.cli.completions import SHELLS
from wfmon.cli.grammar import Takes, commands

_BASH = """
source "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMPREPLY=()
_wfmon_tui 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


def require(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        if os.environ.get("WFMON_REQUIRE_SERVERS"):
            pytest.fail(f"{shell} is not installed")
        pytest.skip(f"{shell} is not installed")
    return found


def script(folder: Path, shell: str) -> Path:
    path = folder / f"completion.{shell}"
    path.write_text(SHELLS[shell](commands()))
    return path


def bash(folder: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [require("bash"), "--norc", "-c", _BASH, "bash", str(script(folder, "bash")), "wfmon-tui", *words],
        capture_output=True, text=True, timeout=30, check=True, cwd=folder,
    )  # fmt: skip
    return set(done.stdout.split())


def fish(folder: Path, line: str) -> set[str]:
    path = script(folder, "fish")
    done = subprocess.run(
        [require("fish"), "--no-config", "-c", f"source {path}; complete -C '{line}'"],
        capture_output=True, text=True, timeout=30, check=True, cwd=folder,
        env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
    )  # fmt: skip
    return {row.split("\t")[0] for row in done.stdout.splitlines()}


def test_bash_completes_commands_options_and_their_values(tmp_path: Path) -> None:
    assert set(COMMANDS) <= bash(tmp_path, "")
    assert bash(tmp_path, "sna") == {"snapshot"}
    assert {"--json", "--unacked", "--config", "--wait"} <= bash(tmp_path, "check", "--")
    assert "--unacked" not in bash(tmp_path, "snapshot", "--")
    assert bash(tmp_path, "demo", "--incident", "") == set(INCIDENTS)
    assert bash(tmp_path, "config", "s") == {"show", "schema"}
    assert bash(tmp_path, "--view", "") == {"ops", "dev", "finance", "exec"}


def test_bash_takes_the_value_of_an_option_for_no_command(tmp_path: Path) -> None:
    assert "--unacked" in bash(tmp_path, "--config", "demo", "check", "--un")
    assert bash(tmp_path, "--interval", "demo", "--incid") == set()


def test_bash_completes_files_and_directories_where_they_are_meant(tmp_path: Path) -> None:
    (tmp_path / "here.toml").touch()
    (tmp_path / "heaven").mkdir()
    assert bash(tmp_path, "check", "--config", "he") == {"here.toml", "heaven"}
    assert bash(tmp_path, "check", "--state-dir", "he") == {"heaven"}


def test_fish_completes_commands_options_and_their_values(tmp_path: Path) -> None:
    assert set(COMMANDS) <= fish(tmp_path, "wfmon-tui ")
    assert fish(tmp_path, "wfmon-tui sna") == {"snapshot"}
    assert {"--json", "--unacked", "--config"} <= fish(tmp_path, "wfmon-tui check --")
    assert "--unacked" not in fish(tmp_path, "wfmon-tui snapshot --")
    assert fish(tmp_path, "wfmon-tui demo --incident ") == set(INCIDENTS)
    assert {"show", "schema"} <= fish(tmp_path, "wfmon-tui config s")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("wfmon-tui sna", "snapshot"),
        ("wfmon-tui check --unack", "--unacked"),
        ("wfmon-tui demo --incident err", "error-burst"),
    ],
)
def test_zsh_reads_the_script_and_completes(tmp_path: Path, line: str, expected: str) -> None:
    assert expected in zsh(tmp_path, line)


def zsh(folder: Path, line: str) -> str:
    """What an interactive zsh runs after ``line``, the tab key and return."""
    (folder / ".zshrc").write_text(
        f"PS1='> '; autoload -Uz compinit; compinit -u -D; source {script(folder, 'zsh')}; setopt no_beep\n"
        'wfmon-tui() { print -r -- "got: $* " }\n'
    )
    with Terminal([require("zsh"), "-d", "-i"], env={"ZDOTDIR": str(folder)}) as at:
        at.wait_for("^>")
        at.send(line, "tab", "enter")
        at.wait_for("^got: ")
        return at.screen_text()


def test_every_command_is_in_the_grammar_with_its_words() -> None:
    found = {command.name: command for command in commands()}
    assert list(found) == list(COMMANDS)
    ack = found["ack"]
    assert [word.metavar for word in ack.arguments] == ["ID"]
    lease = next(word for word in ack.options if "--for" in word.names)
    assert (lease.takes, lease.metavar) == (Takes.TEXT, "D")
    config = next(word for word in ack.options if "--config" in word.names)
    assert config.takes is Takes.FILE
    assert config in ack.common
