"""From an entry to the line that is shown: one row of text, and the rows behind it.

Everything is decoded first and made safe after that, and secrets are taken out of all of it.
"""

from __future__ import annotations

import json
from functools import lru_cache

import msgspec

from wfmon.model.log import Level, LogLine
from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.blocks import unwrapped
from wfmon.sources.logfiles.convert import clean_error
from wfmon.sources.logfiles.entries import Entry
from wfmon.sources.logfiles.envelopes import Record, to_text
from wfmon.sources.logfiles.event import Event, without_colours
from wfmon.sources.logfiles.readers import Readers
from wfmon.sources.logfiles.times import PREFIX
from wfmon.sources.logfiles.view import FileView
from wfmon.sources.logfiles.words import event_meaning
from wfmon.text.numbers import count, duration, money, size
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe, safe_lines

_MAX_MESSAGE = 4000
_MAX_ROWS = 400
_LONGEST_JSON = 200_000
_FAILED = (RunStatus.ERROR, RunStatus.TIMEOUT)


class Lines:
    """Reads entries for the screen. One per thread."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def events(self, entry: Entry, file: FileView) -> list[Event]:
        """What the entry's first line says; one event at least."""
        return self._readers.events(entry.raw, file.format, file.facts, skipped=entry.skipped)

    def line(self, entry: Entry, event: Event, file: int, at: float | None, part: int = 0) -> LogLine:
        """``part``: which of the events of the entry it is."""
        message = _message(event)
        if entry.skipped:
            message += f" … {size(entry.skipped)} of this line left out"
        if entry.more and event.record is None and not message:
            message = unwrapped(entry.more[0])
        return LogLine(
            file=file,
            offset=entry.offset,
            end=entry.end,
            at=at,
            level=shown_level(event),
            message=safe(redact(message[: 2 * _MAX_MESSAGE]), limit=_MAX_MESSAGE),
            workflow=event.workflow,
            run=event.run or event.weak,
            step=event.step,
            attempt=event.attempt,
            detail=_detail(entry, event),
            part=part,
        )


def shown_level(event: Event) -> Level:
    """The line's level; a line that reports a failure is an error whatever its level says."""
    if event.level >= Level.ERROR:
        return event.level
    if event.status is not None:
        failed = event.status[0] in _FAILED and not event.status[2]
    elif event.level is Level.NONE and event.error is not None:
        failed = True
    elif event.told is not None:
        failed = event.told[1] in _FAILED
    else:
        failed = event.event is not None and _event_fails(event.event)
    return Level.ERROR if failed else event.level


@lru_cache(maxsize=2000)
def _event_fails(name: str) -> bool:
    return event_meaning(name, prose=" " in name)[1] in _FAILED


def _message(event: Event) -> str:
    text = event.message()
    if event.record is None:
        return _without_prefix(text or "")
    if text is None:
        return _compact(event)
    if event.error and shown_level(event) >= Level.ERROR and (error := clean_error(event.error)) not in text:
        return f"{text}: {error}"
    return text


def _without_prefix(text: str) -> str:
    """A plain line without the time that is shown beside it."""
    match = PREFIX.match(text)
    return text[match.end() :].lstrip(" -|,:\t") if match else text.strip("\r\n")


def _compact(event: Event) -> str:
    """The meaningful fields of a line that has no message."""
    parts = [event.event or event.step or "", event.status[1] if event.status else ""]
    if event.duration is not None:
        parts.append(f"in {duration(event.duration)}")
    tokens = event.total
    if tokens is None and (event.input is not None or event.output is not None):
        tokens = (event.input or 0) + (event.output or 0)
    if tokens is not None:
        parts.append(f"{count(tokens)} tok")
    if event.cost is not None:
        parts.append(money(event.cost))
    if event.model:
        parts.append(event.model)
    if event.error:
        parts.append(clean_error(event.error))
    said = " ".join(part for part in parts if part)
    return said or json.dumps(event.record, default=str)[:_MAX_MESSAGE]


def _detail(entry: Entry, event: Event) -> tuple[str, ...]:
    rows: list[str] = []
    if event.record is not None and len(entry.raw) <= _LONGEST_JSON:
        rows += _pretty(event.record)
    elif len(entry.raw) > _MAX_MESSAGE or (event.record is not None and entry.raw):
        rows += safe_lines(redact(to_text(entry.raw[:_LONGEST_JSON])), limit_lines=_MAX_ROWS)
    if entry.skipped:
        rows.append(f"… {size(entry.skipped)} of this line left out")
    if entry.more:
        text = "\n".join(unwrapped(row) for row in entry.more)
        rows += safe_lines(redact(without_colours(text)), limit_lines=_MAX_ROWS)
    return tuple(rows)


def _pretty(record: Record) -> list[str]:
    """The object one field a row, texts of several rows (tracebacks) as rows of their own."""
    texts = {key: value for key, value in record.items() if type(value) is str and "\n" in value.strip()}
    flat = {key: value for key, value in record.items() if key not in texts} if texts else record
    rows = list(safe_lines(redact(_json(flat)), limit_lines=_MAX_ROWS))
    for key, value in texts.items():
        rows.append(safe(key, limit=200) + ":")
        plain = redact(without_colours(value))
        rows += ["  " + row for row in safe_lines(plain, limit_lines=_MAX_ROWS)]
    return rows


def _json(record: Record) -> str:
    try:
        return msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
    except (msgspec.MsgspecError, UnicodeError, TypeError, ValueError, OverflowError, RecursionError):
        pass
    try:
        return json.dumps(record, indent=2, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "{…}"
