"""``wfmon-tui man``: the manual page, from the parsers of the command line."""

from __future__ import annotations

from collections.abc import Iterable

from wfmon import __version__
from wfmon.cli.grammar import Command, Takes, Word, commands
from wfmon.cli.options import Options

_FILES = (
    ("$XDG_CONFIG_HOME/wfmon/config.toml", "the settings; `wfmon-tui config path` tells which file is read"),
    ("$XDG_CONFIG_HOME/wfmon/profiles/*.toml", "profiles of your own: which metric means what"),
    ("$XDG_STATE_HOME/wfmon, or /var/lib/wfmon", "acks, history and what is shared between users"),
)
_ENVIRONMENT = (
    ("WFMON_SECTION_KEY", "one for every setting: ui.theme is WFMON_UI_THEME"),
    ("WFMON_USER", "how your acks are signed"),
    ("NO_COLOR", "no colours, when it is set"),
)
_EXITS = (
    ("0", "done; check: ok"),
    ("1", "failed at run time; check: warning"),
    ("2", "wrong use or wrong config; check: critical"),
    ("3", "check: unknown"),
    ("130, 143, 129", "ended by ctrl-c, SIGTERM or SIGHUP, the terminal restored"),
)


def run(options: Options) -> int:
    print(page(commands()), end="")
    return 0


def page(known: Iterable[Command]) -> str:
    """A page of section 1 in man(7) macros."""
    found = tuple(known)
    lines = [
        f'.TH WFMON-TUI 1 "" "wfmon-tui {__version__}" "User Commands"',
        ".SH NAME",
        r"wfmon-tui \- a terminal monitor for the AI-automation workflows of a host",
        ".SH SYNOPSIS",
        r".B wfmon-tui",
        r".RI [ COMMAND ]\~[ OPTIONS ]",
        ".SH COMMANDS",
    ]
    for command in found:
        lines += [".TP", f".B {_synopsis(command)}", _text(command.help)]
        for word in command.own:
            lines += [".RS", ".TP", _heading(word), _text(word.help), ".RE"]
    lines.append(".SH OPTIONS OF ALL COMMANDS")
    for word in found[0].common:
        lines += [".TP", _heading(word), _text(word.help)]
    for title, entries in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT), ("EXIT STATUS", _EXITS)):
        lines.append(f".SH {title}")
        for name, what in entries:
            lines += [".TP", f".I {_escaped(name)}", _text(what)]
    return "\n".join(lines) + "\n"


def _synopsis(command: Command) -> str:
    arguments = " ".join("|".join(word.choices) or word.metavar for word in command.arguments)
    return _escaped(f"{command.name} {arguments}".rstrip())


def _heading(word: Word) -> str:
    value = "" if word.takes is Takes.NOTHING else "|".join(word.choices) or word.metavar
    if not word.names:
        return rf"\fI{_escaped(value)}\fR"
    names = ", ".join(rf"\fB{_escaped(name)}\fR" for name in word.names)
    return names + (rf" \fI{_escaped(value)}\fR" if value else "")


def _text(text: str) -> str:
    """One paragraph; a line that begins with a macro's sign is none."""
    plain = _escaped(" ".join(text.replace("%%", "%").split()))
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain


def _escaped(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-")
