"""From the words of the command line to ``Options``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from wfmon import __version__
from wfmon.cli.options import Options
from wfmon.config.units import parse_duration
from wfmon.text.sanitize import safe

COMMANDS = {
    "watch": "the live monitor (this is what runs without a command)",
    "demo": "start a sample workload and watch it",
    "record": "collect and evaluate without a screen, for all who watch the same",
    "snapshot": "print what is known: from whoever collects, else every source is asked once",
    "check": "the verdict in one line; exit code 0 ok, 1 warning, 2 critical, 3 unknown",
    "ack": "take an alert",
    "unack": "give an alert back, acked or snoozed",
    "snooze": "put an alert off",
    "note": "write to an alert, for whoever has it next",
    "acks": "who has what, since when, and what wakes it",
    "logs": "the lines of a run or a workflow, as the log screen shows them",
    "cost": "what was spent, by workflow, model or provider",
    "doctor": "every source: reachable, what it answers, what is missing; who collects",
    "init": "find what runs on this host, ask before it is probed, and write a config",
    "rules": "export: our rules for your own Prometheus",
    "config": "path, show, check or schema of the settings",
    "status": "one short line for a status bar, of what is being collected",
    "completions": "what a shell completes: bash, zsh or fish",
    "man": "the manual page",
}
VIEWS = ("ops", "dev", "finance", "exec")
INCIDENTS = ("error-burst", "cost-spike", "hang", "disk-growth", "none", "all")
RULE_ACTIONS = ("export",)
ACTIONS = ("path", "show", "check", "schema")
SHELLS = ("bash", "zsh", "fish")
COSTS = ("workflow", "model", "provider")
BARS = ("plain", "tmux", "ansi")

# Options that are followed by a value: it is not mistaken for the command.
WITH_VALUE = frozenset(
    (
        "--config",
        "--prometheus",
        "--scrape",
        "--logs",
        "--alertmanager",
        "--interval",
        "--state-dir",
        "--view",
        "--theme",
        "--refresh",
        "--seed",
        "--incident",
        "--wait",
        "--for",
        "--profile",
        "--format",
        "--since",
        "--by",
        "-n",
        "--lines",
        "-m",
        "--message",
    )
)
_MAX_SECONDS = 366 * 86_400.0


class UsageError(Exception):
    """The command line cannot be understood; the text is safe to show."""


def parse(words: Sequence[str]) -> Options:
    """The options, from any place before or behind the command.

    Raises ``UsageError``; ``SystemExit`` 0 once help or the version is printed.
    """
    command, rest = split_command(words)
    if command is None and not {"-h", "--help"}.isdisjoint(rest):
        print(overview(), end="")
        raise SystemExit(0)
    command = "watch" if command is None else command
    if command not in COMMANDS:
        raise UsageError(_unknown_command(command, words))
    found = vars(parser(command).parse_args(rest))
    for several in ("scrape", "logs"):
        found[several] = tuple(found[several])
    if "text" in found:
        found["text"] = " ".join(found["text"])
    return Options(command=command, **found)


def split_command(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The first word that is neither an option nor the value of one, and all the others."""
    index = 0
    while index < len(words) and words[index] != "--":
        if not words[index].startswith("-"):
            return words[index], [*words[:index], *words[index + 1 :]]
        index += 2 if words[index] in WITH_VALUE else 1
    return None, list(words)


def overview() -> str:
    """The help of the program as a whole."""
    commands = "\n".join(f"  {name:<10} {what}" for name, what in COMMANDS.items())
    common = _Parser(usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False, formatter_class=_formatter)
    _add_common(common)
    _add_watch(common)
    options = common.format_help()
    return (
        "wfmon-tui: a terminal monitor for the AI-automation workflows of a host\n\n"
        f"usage: wfmon-tui [COMMAND] [OPTIONS]\n\ncommands:\n{commands}\n\n{options}\n"
        "wfmon-tui COMMAND --help tells the options of a command; wfmon-tui --version the version.\n"
    )


def parser(command: str) -> argparse.ArgumentParser:
    """The parser of one command, with the options that all commands have."""
    made = _Parser(
        prog=f"wfmon-tui {command}",
        description=COMMANDS[command],
        allow_abbrev=False,
        formatter_class=_formatter,
    )
    made.add_argument("-V", "--version", action="version", version=f"wfmon-tui {__version__}")
    own = made.add_argument_group(command)
    if command in ("watch", "demo", "config"):
        _add_watch(made)
    if command in ("snapshot", "check", "doctor", "status"):
        own.add_argument(
            "--wait", type=_duration, default=10.0, metavar="S", help="wait at most so long (10s)"
        )
    if command in ("snapshot", "check", "acks", "logs", "cost"):
        own.add_argument("--json", action="store_true", help="print JSON")
    if command in ("ack", "unack", "snooze", "note"):
        own.add_argument("alert_id", metavar="ID", type=_some_text, help="a unique prefix of the alert's id")
    if command in ("ack", "snooze"):
        _add_lease(own, command)
    if command in _OWN:
        _OWN[command](own)
    _add_common(made)
    return made


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        help_of = f"{self.prog} --help"
        raise UsageError(f"{safe(message, limit=300)} (see: {help_of})")


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, max_help_position=30, width=100)


def _add_common(to: argparse.ArgumentParser) -> None:
    group = to.add_argument_group("sources and settings")
    group.add_argument("--config", metavar="FILE", help="settings, instead of the user's own file")
    group.add_argument("--prometheus", metavar="URL", help="read a Prometheus server")
    group.add_argument(
        "--scrape", metavar="URL", action="append", default=[], help="read a /metrics endpoint (repeatable)"
    )
    group.add_argument(
        "--logs", metavar="GLOB", action="append", default=[], help="read JSON-lines files (repeatable)"
    )
    group.add_argument("--alertmanager", metavar="URL", help="an Alertmanager")
    group.add_argument("--no-host", action="store_true", help="do not look at this host")
    group.add_argument("--interval", type=_duration, metavar="D", help="how often a source is asked")
    group.add_argument("--state-dir", type=_some_text, metavar="DIR", help="where acks and history are kept")
    group.add_argument(
        "--read-only", action="store_true", help="change nothing: no ack, no call that writes, no collecting"
    )


def _add_watch(to: argparse.ArgumentParser) -> None:
    group = to.add_argument_group("screen")
    group.add_argument("--view", choices=VIEWS, default="ops", help="the view to start with (ops)")
    group.add_argument("--theme", metavar="NAME", help="dark, light, clear, terminal or your own")
    group.add_argument("--ascii", action="store_true", help="signs and sparklines in ASCII only")
    group.add_argument("--refresh", type=_duration, metavar="D", help="how often the screen may change (1s)")


def _add_demo(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, another day (1)")
    group.add_argument("--incident", choices=INCIDENTS, default="all", help="what goes wrong (all)")
    group.add_argument(
        "--workload-only", action="store_true", help="no screen; prints where its metrics and logs are"
    )


def _add_init(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--probe", action="store_true", help="look at /metrics on loopback without being asked (for scripts)"
    )
    group.add_argument("--force", action="store_true", help="write over a config that is there")
    group.add_argument("--unit", action="store_true", help="only print a systemd unit for record")


def _add_check(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--unacked", action="store_true", help="leave out what is acked, snoozed or silenced")


def _add_note(group: argparse._ArgumentGroup) -> None:
    group.add_argument("text", metavar="TEXT", nargs="+", help="what to say of it")


def _add_acks(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--all", action="store_true", help="the audit trail: all that ever happened")


def _add_rules(group: argparse._ArgumentGroup) -> None:
    group.add_argument("action", choices=RULE_ACTIONS, help="print them as a rule file")
    group.add_argument("--profile", default="", metavar="NAME", help="whose metric names they use (seed)")


def _add_config(group: argparse._ArgumentGroup) -> None:
    group.add_argument("action", choices=ACTIONS, help="what to do")


def _add_completions(group: argparse._ArgumentGroup) -> None:
    group.add_argument("action", choices=SHELLS, metavar="SHELL", help="of which shell")


def _add_status(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", dest="bar", choices=BARS, default="plain", help="whose colours (plain)")
    group.add_argument("--ask", action="store_true", help="where nobody collects, ask the sources once")


def _add_lease(group: argparse._ArgumentGroup, command: str) -> None:
    """Until when somebody has an alert; a snooze must say so."""
    ends = group.add_mutually_exclusive_group(required=command == "snooze")
    ends.add_argument(
        "--for", dest="for_seconds", type=_duration, metavar="D", help="until D from now, at most 8h"
    )
    if command == "snooze":
        ends.add_argument("--until-resolved", action="store_true", help="until it is over, or gets worse")
    group.add_argument("-m", "--message", dest="comment", default="", metavar="TEXT", help="why")


def _add_logs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "subject", metavar="RUN|WORKFLOW|-", type=_some_text, help="its id or name; - reads standard input"
    )
    group.add_argument("--errors", action="store_true", help="only lines of level error and above")
    group.add_argument("--since", type=_duration, metavar="D", help="only what is not older than D")
    group.add_argument(
        "-n", "--lines", type=_some_lines, metavar="N", help="the newest N (a workflow's: 100; a run's: all)"
    )
    group.add_argument("-f", "--follow", action="store_true", help="go on with what is written, until ctrl-c")


def _add_cost(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--by", choices=COSTS, default="workflow", help="of what each (workflow)")
    group.add_argument("--since", type=_duration, metavar="D", help="how far back (1d)")
    group.add_argument("--csv", action="store_true", help="print CSV")


_OWN: Mapping[str, Callable[[argparse._ArgumentGroup], None]] = {
    "demo": _add_demo,
    "init": _add_init,
    "check": _add_check,
    "note": _add_note,
    "acks": _add_acks,
    "rules": _add_rules,
    "config": _add_config,
    "completions": _add_completions,
    "status": _add_status,
    "logs": _add_logs,
    "cost": _add_cost,
}


def _duration(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{safe(text, limit=40)}: {error}") from None
    if not 0 < seconds <= _MAX_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{safe(text, limit=40)}: expected a duration above 0, at most a year"
        )
    return seconds


def _some_lines(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 0 < number <= 5000:
        raise argparse.ArgumentTypeError(f"{safe(text, limit=40)}: expected a number from 1 to 5000")
    return number


def _some_text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty")
    return text


def _mistyped_option(words: Sequence[str]) -> str | None:
    """What to say of the first option that no command has; its value would look like a command."""
    import difflib

    known = {option for command in COMMANDS for option in parser(command)._option_string_actions}
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--") and name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            return f"unknown option {safe(name, limit=80)}{hint}"
    return None


def _unknown_command(command: str, words: Sequence[str]) -> str:
    import difflib

    shown = safe(command, limit=80)
    mistyped = _mistyped_option(words[: words.index(command)])
    if mistyped is not None:
        return mistyped
    if "--logs" in words and "/" in command:
        return f"unexpected {shown}: put the pattern behind --logs in quotes, or repeat --logs"
    close = difflib.get_close_matches(command, COMMANDS, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(COMMANDS)}"
    return f"unknown command {shown}; {hint}"
