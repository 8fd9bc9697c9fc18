"""The command line as data, read off the parsers themselves: for completions and the manual page."""

from __future__ import annotations

import argparse
from enum import Enum, auto

from wfmon.cli.arguments import COMMANDS, parser
from wfmon.model.record import dataclass


class Takes(Enum):
    """What follows an option or stands alone."""

    NOTHING = auto()
    TEXT = auto()
    FILE = auto()
    DIRECTORY = auto()


@dataclass(frozen=True, slots=True)
class Word:
    """An option (``names``) or a positional argument (none). ``choices`` where only some are right."""

    names: tuple[str, ...]
    help: str
    takes: Takes
    metavar: str = ""
    choices: tuple[str, ...] = ()
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """``own`` are what only some commands have, ``common`` what all have."""

    name: str
    help: str
    own: tuple[Word, ...]
    common: tuple[Word, ...]

    @property
    def options(self) -> tuple[Word, ...]:
        return tuple(word for word in (*self.own, *self.common) if word.names)

    @property
    def arguments(self) -> tuple[Word, ...]:
        return tuple(word for word in self.own if not word.names)


def commands() -> tuple[Command, ...]:
    """In the order of the overview."""
    every = {name: _words(parser(name)) for name in COMMANDS}
    shared = set.intersection(*({word for word in words if word.names} for words in every.values()))
    return tuple(
        Command(
            name,
            what,
            tuple(word for word in every[name] if word not in shared),
            tuple(word for word in every[name] if word in shared),
        )
        for name, what in COMMANDS.items()
    )


def _words(of: argparse.ArgumentParser) -> tuple[Word, ...]:
    return tuple(_word(action) for action in of._actions)


def _word(action: argparse.Action) -> Word:
    names = tuple(action.option_strings)
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    choices = tuple(str(choice) for choice in action.choices) if action.choices is not None else ()
    repeatable = isinstance(action, argparse._AppendAction) or action.nargs == "+"
    return Word(names, action.help or "", _takes(action, metavar), metavar, choices, repeatable)


def _takes(action: argparse.Action, metavar: str) -> Takes:
    if action.nargs == 0:
        return Takes.NOTHING
    if metavar in ("FILE", "GLOB"):
        return Takes.FILE
    return Takes.DIRECTORY if metavar == "DIR" else Takes.TEXT
