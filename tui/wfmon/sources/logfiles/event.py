"""What one line says, and how it is found in a record."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from wfmon.model.log import Level
from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.envelopes import Record
from wfmon.sources.logfiles.words import EventMeaning

if TYPE_CHECKING:
    from wfmon.sources.logfiles.formats import Format

Path = tuple[str, ...]
Convert = Callable[[object], object]

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_PLACEHOLDER = re.compile(r"%(?:\(\w{1,60}\))?[-+ #0]{0,3}\d{0,2}(?:\.\d{1,2})?[sdrifgeExXc%]")


class Plan:
    """How to read one shape: what to convert, in order of preference, and where messages are. ``special``:
    there is more to do than that. ``detected``: the format that records of this shape have."""

    __slots__ = ("deep", "detected", "flat", "messages", "special")

    def __init__(
        self,
        flat: tuple[tuple[str, str, Convert], ...] = (),
        deep: tuple[tuple[str, Path, Convert], ...] = (),
        messages: tuple[Path, ...] = (),
        *,
        special: bool = False,
        detected: Format | None = None,
    ) -> None:
        self.flat = flat
        self.deep = deep
        self.messages = messages
        self.special = special
        self.detected = detected


NO_PLAN = Plan()


class Event:
    """What one line says. A field that it does not name is None; only the found ones are stored.

    ``time`` is (seconds, naive); ``at`` is set by who knows the file's zone. ``status_code`` says that
    the status was a number. Texts other than ``error`` and ``message()`` are safe. ``told`` is what the
    format says of the event. ``opens``, ``ends``: see ``ProfileLogs``. ``by_path``: the step is that of the
    whole file. ``unpriced``: what was used costs something that is not known.
    """

    time: tuple[float, bool] | None = None
    at: float = 0.0
    level: Level = Level.NONE
    workflow: str | None = None
    workflow_id: str | None = None
    run: str | None = None
    weak: str | None = None
    status: tuple[RunStatus, str, bool] | None = None
    event: str | None = None
    step: str | None = None
    failed_step: str | None = None
    duration: float | None = None
    limit: float | None = None
    deadline: tuple[float, bool] | None = None
    start: tuple[float, bool] | None = None
    end: tuple[float, bool] | None = None
    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    total: int | None = None
    cost: float | None = None
    currency: str | None = None
    model: str | None = None
    provider: str | None = None
    service: str | None = None
    error: str | None = None
    attempt: int | None = None
    retries: int | None = None
    pid: int | None = None
    record: Record | None = None
    plan: Plan = NO_PLAN
    text: str = ""
    told: EventMeaning | None = None
    opens: bool = True
    ends: str = "told"
    by_path: bool = False
    unpriced: bool = False

    def message(self) -> str | None:
        """The text of the line's message field, or the line itself where it is plain text."""
        if self.record is None:
            return self.text or None
        for path in self.plan.messages:
            value = walk(self.record, path)
            if type(value) is str and value:
                if "%" in value and path[-1] == "msg":
                    value = _with_args(value, self.record.get("args"))
                return _COLOURS.sub("", value) if "\x1b" in value else value
        return None


def without_colours(text: str) -> str:
    """``text`` without the codes that colour it on a terminal, which mean nothing here."""
    return _COLOURS.sub("", text) if "\x1b" in text else text


def walk(record: Record, path: Path) -> object:
    value: object = record
    for key in path:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def _with_args(text: str, args: object) -> str:
    """A message of Python's logging with its arguments in it, where they fit."""
    if (type(args) is not dict and type(args) is not list) or not args:
        return text
    if "%" in _PLACEHOLDER.sub("", text):
        return text  # a width without bound would make a text without bound
    try:
        return text % (args if type(args) is dict else tuple(args))
    except (TypeError, ValueError, KeyError, OverflowError):
        return text
