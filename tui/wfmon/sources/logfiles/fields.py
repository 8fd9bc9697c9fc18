"""From a record to what it says: the aliases resolved, cached per shape of keys.

Which key means what depends only on which keys are there, so it is worked out once per shape and a
line costs one look per known field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.model.log import Level
from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.aliases import (
    ALIAS_RANK,
    ALIASES,
    BATCH_NAMES,
    FIELDS_BY_NAME,
    RETRY_COUNT,
    SCALES,
    USAGE_FIELDS,
    normal,
    unit_name,
)
from wfmon.sources.logfiles.convert import (
    NO_IDS,
    error_text,
    level_converter,
    prefix_level,
    read_status,
    retry_count,
    scaled,
    service_batch,
    service_word,
    whole,
)
from wfmon.sources.logfiles.envelopes import Record
from wfmon.sources.logfiles.event import Convert, Event, Path, Plan, walk
from wfmon.sources.logfiles.shapes import dotted, paths, readings, shape_of
from wfmon.sources.logfiles.times import PREFIX, parse_time
from wfmon.sources.logfiles.words import Scope
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.sources.logfiles.formats import Format, Formats

_MAX_SHAPES = 2000
_MAX_NAMES = 20_000
_MAX_NAME = 200
_LONGEST_RUN = 10 * 365 * 86400.0
_MAX_COST = 1e9
_IDS = frozenset({"run", "weak"})
_NAMES = frozenset(
    {"workflow", "workflow_id", "step", "failed_step", "model", "provider", "event", "currency"}
)
_LONGEST_SAID = 1000  # of a message, what may have a meaning


class FieldReader:
    """Reads events from records. One per thread. ``own`` are a user's names, tried before those of the
    ``format``, and these before the aliases. ``formats`` are looked through for that of a record."""

    def __init__(
        self,
        own: Mapping[str, Sequence[str]] | None = None,
        format: Format | None = None,
        formats: Formats | None = None,
    ) -> None:
        self._own = {field: [normal(name) for name in names] for field, names in (own or {}).items()}
        if "tokens" in self._own:
            self._own.setdefault("total", self._own.pop("tokens"))
        self._format = format
        self._formats = formats if formats is not None and formats.detects else None
        self._plans: dict[object, Plan] = {}
        self._names: dict[str, str | None] = {}
        self._statuses: dict[object, tuple[RunStatus, str, bool] | None] = {}

    def event(self, record: Record, prefix: str = "") -> Event:
        """What ``record`` says; time and level from the text before it where it does not."""
        shape = shape_of(record, 0) if dict in map(type, record.values()) else tuple(record)
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
            if field not in found and (said := convert(walk(record, path))) is not None:
                found[field] = said
        found["record"] = record
        found["plan"] = plan
        if prefix:
            self._read_prefix(event, prefix)
        if plan.special:
            self._finish(event)
        return event

    def text_event(self, text: str) -> Event:
        """What a line of plain text says: its time and level, and what the format's patterns find in it."""
        event = Event()
        event.text = text
        self._read_prefix(event, text[:200])
        if self._format is not None:
            self._finish(event)
        return event

    def facts(self, path: str) -> Mapping[str, object]:
        """What the path of a file says of each of its lines, by field."""
        if self._format is None:
            return {}
        groups = dict(self._format.groups(path))
        index = groups.pop("index", None)
        if index is not None and "step" in groups:
            groups["step"] += f"[{index}]"
        return {
            field: said
            for field, text in groups.items()
            if (said := self._convert(field, field, {})(text)) is not None
        }

    def _finish(self, event: Event) -> None:
        """What the format knows beyond names."""
        if event.currency is not None and event.currency.upper() not in ("USD", "$"):
            event.unpriced, event.cost = event.cost is not None, None
        format = self._format
        if format is None:
            return
        event.opens, event.ends = format.opens, format.ends
        if format.meanings or format.texts or format.patterns:
            self._read_words(event, format)
        if event.workflow is not None and event.workflow in format.workflows:
            event.workflow = format.workflows[event.workflow]
        if format.cached_beside and event.input is not None:
            event.input += (event.cached or 0) + (event.cache_write or 0)
        if format.reasoning_beside and event.output is not None:
            event.output += event.reasoning or 0
        if format.zero_is_unpriced and event.cost == 0.0:
            event.cost, event.unpriced = None, bool(event.total or event.input or event.output)

    def _read_words(self, event: Event, format: Format) -> None:
        meaning = format.meanings.get(event.event) if event.event is not None else None
        if meaning is None and (format.texts or format.patterns or event.event is None):
            text = (event.message() or "")[:_LONGEST_SAID]
            meaning = format.meanings.get(text)
            if meaning is None:
                meaning = next((said for pattern, said in format.texts if pattern.match(text)), None)
            for pattern in format.patterns:
                if found := pattern.search(text):
                    self._read_groups(event, found.groupdict())
                    break
        if meaning is None:
            return
        event.told = meaning.event
        if meaning.event[1] is not None and meaning.word is not None:
            event.status = (meaning.event[1], meaning.word, False)
        elif meaning.event[0] is Scope.NONE:
            event.status = None

    def _read_groups(self, event: Event, groups: Mapping[str, str | None]) -> None:
        """What the named groups of a pattern found, where the line has no field that says it."""
        found = event.__dict__
        for name, text in groups.items():
            field = name if name in ALIASES else FIELDS_BY_NAME[normal(name)][0]
            if text and field not in found:
                said = self._convert(field, normal(name), {})(text)
                if said is not None:
                    found[field] = said
                    if field == "status" and event.told is None and event.status is not None:
                        event.told = (Scope.LINE, event.status[0], False, False)

    def _read_prefix(self, event: Event, prefix: str) -> None:
        if event.time is None and (match := PREFIX.search(prefix[:120])):
            event.time = parse_time(match[1].replace("/", "-"))
        if event.level is Level.NONE:
            event.level = prefix_level(prefix)

    def _plan(self, record: Record) -> Plan:
        ranked: list[tuple[tuple[int, ...], str, Path, Convert]] = []
        for path in paths(record):
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
            special=self._format is not None or any(field == "currency" for _, field, _, _ in ranked),
            detected=self._formats.of_keys(dotted(record)) if self._formats is not None else None,
        )

    def _meanings(self, path: Path) -> Iterator[tuple[str, tuple[int, ...], str]]:
        """Fields that a path may stand for, with the rank among others for the same field."""
        whole = normal("".join(path))
        for field, own in self._own.items():
            for index, own_name in enumerate(own):
                if own_name == whole:
                    yield field, (-2, 0, index), whole
        names = tuple(readings(path))
        if self._format is not None:
            named = False
            for name, _, _ in names:
                for field, known in self._format.fields.items():
                    if name in known:
                        yield field, (-1, 0, known.index(name)), unit_name(path[-1])
                named = named or name in self._format.claimed
            if named:
                return
        off = self._format.off if self._format is not None else frozenset[str]()
        for name, rank, only_usage in names:
            for field in FIELDS_BY_NAME.get(name, ()):
                if field not in off and (not only_usage or field in USAGE_FIELDS):
                    yield field, (*rank, ALIAS_RANK[field][name]), name

    def _convert(self, field: str, name: str, record: Record) -> Convert:
        if field in ("time", "start", "end", "deadline"):
            return parse_time
        if field == "level":
            return level_converter(name, record)
        if field == "status":
            return lambda value: self._status(name, value)
        if field in _NAMES or field in _IDS:
            plain = self._identifier if field in _IDS else self._name
            cut = self._format.cut.get(field) if self._format is not None else None
            return plain if cut is None else _cutting(cut, plain)
        if field in ("duration", "limit", "cost"):
            return scaled(SCALES.get(name, 1.0), _MAX_COST if field == "cost" else _LONGEST_RUN)
        if field == "attempt":
            return retry_count if name == RETRY_COUNT else whole
        if field == "error":
            return error_text
        if field == "service":
            return service_batch if name in BATCH_NAMES else service_word
        return whole

    def _name(self, value: object) -> str | None:
        if type(value) is not str:
            return str(value) if type(value) is int and abs(value) < 1 << 63 else None
        names = self._names
        if value in names:
            return names[value]
        if len(names) >= _MAX_NAMES:
            names.clear()
        text = value.strip()
        names[value] = None if text.lower() in NO_IDS else safe(redact(text), limit=_MAX_NAME)
        return names[value]

    def _identifier(self, value: object) -> str | None:
        if type(value) is not str:
            return str(value) if type(value) is int and 0 < value < 1 << 128 else None
        if len(value) > _MAX_NAME or not value.isascii() or not value.isprintable():
            value = safe(value, limit=_MAX_NAME)
        value = value.strip()
        return None if value.lower() in NO_IDS or not value.strip("0-x") else value

    def _status(self, name: str, value: object) -> tuple[RunStatus, str, bool] | None:
        key = (name, value) if type(value) in (str, bool, int) else None
        if key is None:
            return None
        statuses = self._statuses
        if key not in statuses:
            if len(statuses) >= _MAX_NAMES:
                statuses.clear()
            read = read_status(name, value)
            if read is not None and self._format is not None and read[1] in self._format.statuses:
                read = (self._format.statuses[read[1]], read[1], False)
            statuses[key] = read
        return statuses[key]


def _cutting(cut: re.Pattern[str], plain: Convert) -> Convert:
    def convert(value: object) -> object:
        if type(value) is str and (found := cut.search(value[:_MAX_NAME])) and found[1]:
            value = found[1]
        return plain(value)

    return convert
