"""What is wrong with a config, told so that a person can mend it."""

from __future__ import annotations

import msgspec

KeyPath = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True):
    """``where`` is ``FILE:LINE``, a variable or an option; ``key`` is dotted, empty for a whole file."""

    where: str
    key: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.text) if part)


class ConfigError(Exception):
    """The settings cannot be used. ``problems`` are all of them, in the order they were found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


# What is wrong at which key, before it is known where that key was set.
Finding = tuple[KeyPath, str]


def dotted(path: KeyPath) -> str:
    """``("source", 0, "url")`` as ``source[0].url``."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            shown += f".{part}" if shown else part
    return shown
