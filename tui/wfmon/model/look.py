"""What a scrape target said at one time, so that a later process can count on from there."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """``id`` names it where looks are kept (hex digits; it changes with the names that are wanted);
    ``shown`` is for people: safe, without credentials."""

    id: str
    shown: str


@dataclass(frozen=True, slots=True)
class Look:
    """``at`` in POSIX seconds; ``lines`` are the wanted lines as they came, to be parsed, never shown."""

    at: float
    lines: bytes
