"""From the value of a key to what it says: numbers with units, levels, statuses, error texts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from wfmon.model.log import Level
from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.event import Convert, without_colours
from wfmon.sources.logfiles.words import level_number, level_word, status_word
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe

_MAX_ERROR = 500
_MAX_TOKENS = 10**15
NO_IDS = frozenset({"", "-", "none", "null", "nil", "undefined"})
_SYSLOG_PRIORITY = re.compile(r"<(\d{1,3})>")
_PREFIX_WORD = re.compile(r"[A-Za-z]+")
_EXCEPTION = re.compile(r"[\w.$]{1,200}(?:Error|Exception|Interrupt|Exit|Warning)(?::|\s*\Z)")
_GO_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ns|us|µs|μs|ms|h|m|s))+")
_GO_PART = re.compile(r"([\d.]+)(ns|us|µs|μs|ms|h|m|s)")
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


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


def names_exception(text: str) -> bool:
    """Whether a row is what a traceback ends with: ``ValueError: wrong``."""
    return _EXCEPTION.match(text) is not None


def clean_error(text: str) -> str:
    """An error text as one safe row without secrets: of a traceback its last line."""
    text = without_colours(text)
    rows = [row for row in text.splitlines()[-50:] if row.strip()]
    if len(rows) > 1 and "Traceback" in text[:2000]:
        text = rows[-1]
    elif len(rows) > 1 and (rows[-1][:1].strip() or rows[-1].lstrip().startswith("at ")):
        text = text.lstrip().partition("\n")[0]
    return safe(redact(text[: 20 * _MAX_ERROR].strip()), limit=_MAX_ERROR)


def level_converter(name: str, record: Mapping[str, object]) -> Convert:
    if name.startswith("severitynumber"):
        scale = "otel"
    elif name == "priority":
        scale = "syslog"
    elif name == "level" and "msg" in record and ("hostname" in record or "time" in record):
        scale = "pino"
    else:
        scale = "python"

    def convert(value: object) -> Level | None:
        level = Level.NONE
        if type(value) is str:
            level = level_word(without_colours(value) if "\x1b" in value else value)
            if level is Level.NONE and value.isdigit() and len(value) < 4:
                level = level_number(int(value), scale)
        elif type(value) is int:
            level = level_number(value, scale)
        return None if level is Level.NONE else level

    return convert


def read_status(name: str, value: object) -> tuple[RunStatus, str, bool] | None:
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


def scaled(scale: float, top: float) -> Convert:
    def convert(value: object) -> float | None:
        number = _number(value)
        if number is None and type(value) is str and (said := _go_duration(value)) is not None:
            return said if said <= top else None
        if number is None or number * scale > top:
            return None
        return float(number * scale) if scale != 1.0 else float(number)

    return convert


def _go_duration(text: str) -> float | None:
    """Seconds of ``1m2.5s`` or ``350ms``, as Go writes them."""
    if len(text) > 40 or not _GO_DURATION.fullmatch(text):
        return None
    return sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(text))


def whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number <= _MAX_TOKENS else None


def retry_count(value: object) -> int | None:
    number = whole(value)
    return None if number is None else number + 1


def error_text(value: object) -> str | None:
    if type(value) is str:
        return value if value.strip() and value.strip().lower() not in NO_IDS else None
    if type(value) is list and value and type(value[0]) is dict:
        value = value[0]  # the exception that was raised; behind it are what caused it
    if type(value) is dict:
        kind = value.get("type") or value.get("exc_type") or value.get("name")
        text = value.get("message") or value.get("exc_value") or value.get("value")
        parts = [part for part in (kind, text) if type(part) is str]
        return ": ".join(parts) or None
    return None


# How a call was processed where that changes its price; other words are the usual way.
SERVICES = frozenset({"batch", "flex", "priority", "fast"})


def service_word(value: object) -> str | None:
    if type(value) is not str:
        return None
    word = value.strip().lower()
    return word if word in SERVICES else None


def service_batch(value: object) -> str | None:
    """Of a key that says whether a call was one of a batch."""
    return "batch" if value is True or (type(value) is str and value.strip().lower() == "true") else None
