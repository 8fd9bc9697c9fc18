"""From a record to what it says: the aliases resolved, cached per shape of keys.

Which key means what depends only on which keys are there, so it is worked out once per shape and a
line costs one look per known field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from wfmon.model.log import Level
from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.aliases import (
    ALIAS_RANK,
    CONTAINERS,
    FIELDS_BY_NAME,
    RETRY_COUNT,
    SCALES,
    USAGE_CONTAINERS,
    USAGE_FIELDS,
    normal,
)
from wfmon.sources.logfiles.envelopes import Record
from wfmon.sources.logfiles.times import PREFIX, parse_time
from wfmon.sources.logfiles.words import level_number, level_word, status_word
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe

_MAX_SHAPES = 2000
_MAX_NAMES = 20_000
_MAX_PATHS = 200
_MAX_DEPTH = 5
_MAX_NAME = 200
_MAX_ERROR = 500
_LONGEST_RUN = 10 * 365 * 86400.0
_MAX_TOKENS = 10**15
_MAX_COST = 1e9
_NO_IDS = frozenset({"", "-", "none", "null", "nil", "undefined"})
_SYSLOG_PRIORITY = re.compile(r"<(\d{1,3})>")
_PREFIX_WORD = re.compile(r"[A-Za-z]+")

Path = tuple[str, ...]
Convert = Callable[[object], object]


class Event:
    """What one line says. A field that it does not name is None; only the found ones are stored.

    ``time`` is (seconds, naive); ``at`` is set by who knows the file's zone. ``status_code`` says that
    the status was a number. Texts other than ``error`` and ``message()`` are safe.
    """

    time: tuple[float, bool] | None = None
    at: float = 0.0
    level: Level = Level.NONE
    workflow: str | None = None
    run: str | None = None
    weak: str | None = None
    status: tuple[RunStatus, str, bool] | None = None
    event: str | None = None
    step: str | None = None
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
    model: str | None = None
    provider: str | None = None
    error: str | None = None
    attempt: int | None = None
    retries: int | None = None
    pid: int | None = None
    record: Record | None = None
    messages: tuple[Path, ...] = ()
    text: str = ""

    def message(self) -> str | None:
        """The raw text of the line's message field, or the line itself where it is plain text."""
        if self.record is None:
            return self.text or None
        for path in self.messages:
            value = _walk(self.record, path)
            if type(value) is str and value:
                return value
        return None


class Plan:
    """How to read one shape: what to convert, in order of preference, and where messages are."""

    __slots__ = ("deep", "flat", "messages")

    def __init__(
        self,
        flat: tuple[tuple[str, str, Convert], ...],
        deep: tuple[tuple[str, Path, Convert], ...],
        messages: tuple[Path, ...],
    ) -> None:
        self.flat = flat
        self.deep = deep
        self.messages = messages


class FieldReader:
    """Reads events from records. One per thread. ``own`` are a user's names, tried before the aliases."""

    def __init__(self, own: Mapping[str, Sequence[str]] | None = None) -> None:
        self._own = {field: [normal(name) for name in names] for field, names in (own or {}).items()}
        if "tokens" in self._own:
            self._own.setdefault("total", self._own.pop("tokens"))
        self._plans: dict[object, Plan] = {}
        self._names: dict[str, str | None] = {}
        self._statuses: dict[object, tuple[RunStatus, str, bool] | None] = {}

    def event(self, record: Record, prefix: str = "") -> Event:
        """What ``record`` says; time and level from the text before it where it does not."""
        shape = _shape(record, 0) if dict in map(type, record.values()) else tuple(record)
        plan = self._plans.get(shape)
        if plan is None:
            if len(self._plans) >= _MAX_SHAPES:
                self._plans.clear()
            plan = self._plans[shape] = self._plan(record)
        event = Event()
        found = event.__dict__
        for field, key, convert in plan.flat:
            if field not in found:
                value = record[key]
                if value is not None and (said := convert(value)) is not None:
                    found[field] = said
        for field, path, convert in plan.deep:
            if field not in found and (said := convert(_walk(record, path))) is not None:
                found[field] = said
        found["record"] = record
        found["messages"] = plan.messages
        if prefix:
            self._read_prefix(event, prefix)
        return event

    def text_event(self, text: str) -> Event:
        """What a line of plain text says: at most its time and level."""
        event = Event()
        event.text = text
        self._read_prefix(event, text[:200])
        return event

    def _read_prefix(self, event: Event, prefix: str) -> None:
        if event.time is None and (match := PREFIX.search(prefix[:120])):
            event.time = parse_time(match[1].replace("/", "-"))
        if event.level is Level.NONE:
            event.level = prefix_level(prefix)

    def _plan(self, record: Record) -> Plan:
        ranked: list[tuple[tuple[int, ...], str, Path, Convert]] = []
        for path in _paths(record):
            for field, rank, name in self._meanings(path):
                ranked.append((rank, field, path, self._convert(field, name, record)))
        ranked.sort(key=lambda entry: entry[0])
        flat = tuple((field, path[0], convert) for _, field, path, convert in ranked if len(path) == 1)
        top = {field for field, _, _ in flat}
        # A user's own nested name goes before top-level aliases.
        first = {field for rank, field, path, _ in ranked if len(path) > 1 and rank[0] < 0}
        if first & top:
            flat = tuple(entry for entry in flat if entry[0] not in first)
        deep = tuple(
            (field, path, convert) for _, field, path, convert in ranked if len(path) > 1 or field in first
        )
        messages = tuple(path for _, field, path, _ in ranked if field == "message")
        return Plan(
            tuple(entry for entry in flat if entry[0] != "message"),
            tuple(entry for entry in deep if entry[0] != "message"),
            messages,
        )

    def _meanings(self, path: Path) -> Iterator[tuple[str, tuple[int, ...], str]]:
        """Fields that a path may stand for, with the rank among others for the same field."""
        whole = normal("".join(path))
        for field, names in self._own.items():
            for index, own_name in enumerate(names):
                if own_name == whole:
                    yield field, (-1, 0, index), whole
        inside, only_usage, rest = 0, False, path
        while True:
            name = normal("".join(rest))
            for field in FIELDS_BY_NAME.get(name, ()):
                if not only_usage or field in USAGE_FIELDS:
                    yield field, (0 if rest is path else 1, inside, ALIAS_RANK[field][name]), name
            if len(rest) < 2:
                return
            head, rank = normal(rest[0]), None
            if head in USAGE_CONTAINERS:
                only_usage, rank = True, len(CONTAINERS)
            elif head in CONTAINERS:
                rank = CONTAINERS[head]
            elif len(rest) > 2 and (joined := normal(rest[0] + rest[1])) in CONTAINERS:
                rank, rest = CONTAINERS[joined], rest[1:]
            if rank is None:
                return
            inside, rest = rank, rest[1:]

    def _convert(self, field: str, name: str, record: Record) -> Convert:
        if field in ("time", "start", "end", "deadline"):
            return parse_time
        if field == "level":
            return _level_converter(name, record)
        if field == "status":
            return lambda value: self._status(name, value)
        if field in ("workflow", "step", "model", "provider", "event", "run", "weak"):
            return self._identifier if field in ("run", "weak") else self._name
        if field in ("duration", "limit", "cost"):
            return _scaled(SCALES.get(name, 1.0), _MAX_COST if field == "cost" else _LONGEST_RUN)
        if field == "attempt":
            return _retry_count if name == RETRY_COUNT else _whole
        if field == "error":
            return _error_text
        return _whole

    def _name(self, value: object) -> str | None:
        if type(value) is not str:
            return str(value) if type(value) is int and abs(value) < 1 << 63 else None
        names = self._names
        if value in names:
            return names[value]
        if len(names) >= _MAX_NAMES:
            names.clear()
        text = value.strip()
        names[value] = None if text.lower() in _NO_IDS else safe(redact(text), limit=_MAX_NAME)
        return names[value]

    def _identifier(self, value: object) -> str | None:
        if type(value) is not str:
            return str(value) if type(value) is int and 0 < value < 1 << 128 else None
        if len(value) > _MAX_NAME or not value.isascii() or not value.isprintable():
            value = safe(value, limit=_MAX_NAME)
        value = value.strip()
        return None if value.lower() in _NO_IDS or not value.strip("0-x") else value

    def _status(self, name: str, value: object) -> tuple[RunStatus, str, bool] | None:
        key = (name, value) if type(value) in (str, bool, int) else None
        if key is None:
            return None
        statuses = self._statuses
        if key not in statuses:
            if len(statuses) >= _MAX_NAMES:
                statuses.clear()
            statuses[key] = _read_status(name, value)
        return statuses[key]


def prefix_level(text: str) -> Level:
    """The level named in the text before a message, in the first words of a plain line, or by a
    syslog priority."""
    if match := _SYSLOG_PRIORITY.match(text):
        return level_number(int(match[1]) & 7, "syslog")
    for index, word in enumerate(_PREFIX_WORD.findall(text[:120])):
        if index > 6:
            break
        if len(word) > 2 and (word.isupper() or word.istitle() or index == 0):
            level = level_word(word)
            if level is not Level.NONE:
                return level
    return Level.NONE


def clean_error(text: str) -> str:
    """An error text as one safe row without secrets: of a traceback its last line."""
    rows = [row for row in text.splitlines()[-50:] if row.strip()]
    if len(rows) > 1 and ("Traceback" in text[:2000] or rows[-1][:1].strip() != ""):
        text = rows[-1] if "Traceback" in text[:2000] else rows[0]
    return safe(redact(text[: 20 * _MAX_ERROR].strip()), limit=_MAX_ERROR)


def _shape(record: Record, depth: int) -> object:
    if depth >= _MAX_DEPTH:
        return None
    return tuple(
        [(key, _shape(value, depth + 1)) if type(value) is dict else key for key, value in record.items()]
    )


def _paths(record: Record) -> list[Path]:
    found: list[Path] = []
    pending: list[tuple[Path, Record]] = [((), record)]
    while pending and len(found) < _MAX_PATHS:
        base, part = pending.pop(0)
        for key, value in part.items():
            if len(found) >= _MAX_PATHS:
                break
            found.append((*base, key))
            if type(value) is dict and len(base) + 1 < _MAX_DEPTH:
                pending.append(((*base, key), value))
    return found


def _walk(record: Record, path: Path) -> object:
    value: object = record
    for key in path:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def _level_converter(name: str, record: Record) -> Convert:
    if name.startswith("severitynumber"):
        scale = "otel"
    elif name == "priority":
        scale = "syslog"
    elif name == "level" and "hostname" in record and "msg" in record:
        scale = "pino"
    else:
        scale = "python"

    def convert(value: object) -> Level | None:
        level = Level.NONE
        if type(value) is str:
            level = level_word(value)
            if level is Level.NONE and value.isdigit() and len(value) < 4:
                level = level_number(int(value), scale)
        elif type(value) is int:
            level = level_number(value, scale)
        return None if level is Level.NONE else level

    return convert


def _read_status(name: str, value: object) -> tuple[RunStatus, str, bool] | None:
    if type(value) is bool or (name == "success" and str(value).lower() in ("true", "false")):
        if name not in ("success", "finished"):
            return None
        yes = str(value).lower() == "true"
        no = RunStatus.RUNNING if name == "finished" else RunStatus.ERROR
        status = RunStatus.SUCCESS if yes else no
        return (status, status.value, False)
    if type(value) is int:
        if not 100 <= value <= 599:
            return None
        return (status_word(str(value)), str(value), True)
    text = str(value).strip()
    if not text or len(text) > 100:
        return None
    return (status_word(text), safe(text.lower(), limit=40), text.isdigit())


def _number(value: object) -> float | None:
    if type(value) is int or type(value) is float:
        number: float | int = value
    elif type(value) is str and len(value) < 40:
        try:
            number = float(value)
        except ValueError:
            return None
    else:
        return None
    if type(number) is float and not math.isfinite(number):
        return None
    return number if 0 <= number < 1e20 else None


def _scaled(scale: float, top: float) -> Convert:
    def convert(value: object) -> float | None:
        number = _number(value)
        if number is None or number * scale > top:
            return None
        return float(number * scale) if scale != 1.0 else float(number)

    return convert


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number <= _MAX_TOKENS else None


def _retry_count(value: object) -> int | None:
    number = _whole(value)
    return None if number is None else number + 1


def _error_text(value: object) -> str | None:
    if type(value) is str:
        return value if value.strip() and value.strip().lower() not in _NO_IDS else None
    if type(value) is list and value and type(value[-1]) is dict:
        value = value[-1]
    if type(value) is dict:
        kind = value.get("type") or value.get("exc_type") or value.get("name")
        text = value.get("message") or value.get("exc_value") or value.get("value")
        parts = [part for part in (kind, text) if type(part) is str]
        return ": ".join(parts) or None
    return None
