"""What is wrong in the settings is told at once, with its place, before anything is asked or shown."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from support.program import Done, Program

COMMANDS = (("check",), ("snapshot", "--json"), ("doctor",), ("acks",), ("config", "check"))
WRONG = {
    "unknown key": (
        '[ui]\ntheme = "dark"\nthemee = "light"\n',
        r":3: ui\.themee: .*(unknown|no such).*theme",
    ),
    "unknown section": ("\n[alert.failure_rate]\nthreshold = 0.1\n", r":2: alert.*: .*alerts"),
    "wrong type": ("[windows]\nruns = true\n", r":2: windows\.runs: .*(duration|\"5m\")"),
    "wrong number": ("[alerts.failure_rate]\nthreshold = 5\n", r":2: alerts\.failure_rate\.threshold: .*1"),
    "bad URL": (
        '[[source]]\nname = "p"\nkind = "prometheus"\nurl = "ftp://x"\n',
        r":4: source\[0\]\.url: .*http",
    ),
    "no URL": (
        '# a comment\n[[source]]\nname = "p"\nkind = "prometheus"\n',
        r":2: source\[0\]: url is missing",
    ),
    "bad kind": ('[[source]]\nname = "p"\nkind = "promteus"\n', r":3: source\[0\]\.kind: .*prometheus"),
    "bad pattern": (
        '[[workflow]]\nname = "w"\nmatch = ["("]\n',
        r":3: workflow\[0\]\.match",
    ),
    "syntax": ('[ui]\ntheme = "dark\n', r":2: .*"),
    "twice": ('[ui]\ntheme = "dark"\ntheme = "light"\n', r":3: .*"),
    "not UTF-8": ("[ui]\n# caf\udce9\n", r":2: .*"),
}


def wrong_use(done: Done, expected: str) -> None:
    assert done.code == 2, done
    assert done.out == ""
    assert re.search(expected, done.err), done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 3, done.err


@pytest.mark.parametrize("what", WRONG)
def test_the_file_the_line_and_the_key_are_named(home: Program, what: str) -> None:
    text, expected = WRONG[what]
    file = home.folder / "wf.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    command = COMMANDS[sorted(WRONG).index(what) % len(COMMANDS)]
    wrong_use(home.run(*command, "--config", str(file)), re.escape(str(file)) + expected)


def test_every_problem_is_told_at_once(home: Program) -> None:
    file = home.folder / "wf.toml"
    file.write_text('[ui]\nthem = "x"\n[windows]\nrunz = "5m"\n')
    done = home.run("check", "--config", str(file))
    assert done.code == 2
    assert [re.sub(r".*wf\.toml:(\d+): (\S+):.*", r"\1 \2", line) for line in done.err.splitlines()] == [
        "2 ui.them",
        "4 windows.runz",
    ]


def test_the_users_own_file_is_judged_like_a_named_one(home: Program) -> None:
    folder = home.folder / "config" / "wfmon"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[ui]\nasci = true\n")
    wrong_use(home.run("check"), r"config/wfmon/config\.toml:2: ui\.asci: .*ascii")


@pytest.mark.parametrize("kind", ["missing", "directory", "unreadable"])
def test_a_file_that_cannot_be_read_is_an_error_and_not_a_default(home: Program, kind: str) -> None:
    file = home.folder / "wf.toml"
    if kind == "directory":
        file.mkdir()
    elif kind == "unreadable":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        file.touch(mode=0)
    wrong_use(home.run("check", "--config", str(file)), re.escape(str(file)))


def test_hostile_settings_are_told_without_their_escapes(home: Program, tmp_path: Path) -> None:
    file = tmp_path / "evil\x1b]0;PWNED\x07.toml"
    file.write_text('[ui]\n"the\\u001b[2Jme" = 1\ntheme = "\\u001b]52;c;UFdORUQ=\\u0007"\n')
    done = home.run("check", "--config", str(file))
    assert done.code == 2
    assert not set(done.err) & set("\x1b\x07")
    assert "␛[2J" in done.err


@pytest.mark.parametrize(
    "words", [("--refresh", "soon"), ("--prometheus", "nonsense"), ("--scrape", "http://"), ("--wait",)]
)
def test_a_wrong_option_is_wrong_use(home: Program, words: tuple[str, ...]) -> None:
    done = home.run("check", *words)
    assert done.code == 2, done
    assert words[0] in done.err
    assert "Traceback" not in done.err


def test_the_screen_needs_a_terminal(home: Program) -> None:
    for words in ((), ("watch",), ("demo",)):
        done = home.run(*words)
        assert done.code == 2
        assert (done.out, "needs a terminal" in done.err) == ("", True)


def test_the_screen_tells_wrong_settings_on_the_normal_screen(home: Program) -> None:
    file = home.folder / "wf.toml"
    file.write_text("[ui]\nrefresh = []\n")
    with home.terminal("--config", str(file), size=(120, 40)) as terminal:
        assert terminal.wait_exit() == 2
        assert terminal.left_behind() == []
        assert re.search(r"wf\.toml:2: ui\.refresh: ", terminal.screen_text())
