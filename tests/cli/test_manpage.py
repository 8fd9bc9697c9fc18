"""The manual page is read by groff without a complaint, and tells of every command and option."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from wfmon.cli.grammar import commands
from wfmon.cli.manpage import page


def test_every_command_and_option_is_told() -> None:
    text = page(commands()).replace(r"\-", "-")
    for command in commands():
        assert re.search(rf"^\.B {command.name}\b", text, re.MULTILINE), command.name
        for word in command.options:
            for name in word.names:
                assert rf"\fB{name}\fR" in text, name


def test_common_options_are_told_once() -> None:
    assert page(commands()).count(r"\fB\-\-state\-dir\fR") == 1


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_warns_of_nothing() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-z"],
        input=page(commands()), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
