"""From the bytes of one line to the records in it: JSON, text before it, and envelopes peeled.

Envelopes (metric-catalogue 26): Docker json-file, CRI, journald export, syslog and compose prefixes, a
JSON object in the text of a message, OTLP/JSON batches.
"""

from __future__ import annotations

import json
import math
import re
from typing import NamedTuple

import msgspec

from wfmon.sources.logfiles.aliases import CARRIERS, normal
from wfmon.sources.logfiles.logfmt import read_logfmt

Record = dict[str, object]

_DECODE = msgspec.json.Decoder().decode
_MAX_OPENINGS = 3
_MAX_BATCH = 2000
_HEAD_BYTES = 4096
_NOT_IDENTIFYING = frozenset({"status", "state", "outcome", "result", "success", "finished"})
_COLOURS = re.compile(rb"\x1b\[[0-9;:]*m")
_MAX_NESTED = 4
_SCALAR_PAIR = re.compile(r'"([^"\\]{1,60})"\s*:\s*("(?:[^"\\]|\\.){0,300}"|-?\d{1,20}(?:\.\d{1,20})?)')


class Line(NamedTuple):
    """``prefix`` is the text before the object, or the whole line where ``records`` is empty."""

    records: list[Record]
    prefix: str


def parse_json(raw: bytes) -> object:
    """The value of a JSON text; None if it is none. Accepts what Python's own writer makes (NaN,
    lone surrogates) and bytes that are not UTF-8."""
    try:
        return _DECODE(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        return None
    try:
        return json.loads(to_text(raw), parse_int=_bounded_int)
    except (ValueError, RecursionError):
        return None


def _bounded_int(digits: str) -> float:
    """A number of more digits than anything counts is no number that anything needs."""
    return int(digits) if len(digits) < 40 else math.inf


def to_text(raw: bytes) -> str:
    """UTF-8, or Latin-1 where it is not (every byte is then a character)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_line(raw: bytes, mode: str = "auto") -> Line:
    """All records of a complete line; none for a text line. An empty line has an empty prefix.

    ``mode`` is what the file is known to hold: ``json``, ``logfmt``, ``text``, or ``auto``.
    """
    if raw[:1] == b"{" and mode != "text":
        value = parse_json(raw)
        if type(value) is dict:
            return Line(_peel(value, 2), "")
    return _after_prefix(raw, mode)


def read_head(raw: bytes) -> Line:
    """What the first part of an over-long line tells of who wrote it and when.

    Outcome and usage are not read: the part that was skipped may say otherwise.
    """
    text = to_text(raw[:_HEAD_BYTES])
    record: Record = {}
    for key, value in _SCALAR_PAIR.findall(text):
        if key not in record and normal(key) not in _NOT_IDENTIFYING:
            record[key] = parse_json(value.encode("utf-8", "replace"))
    return Line([record], "") if record and "{" in text[:200] else Line([], text)


def _after_prefix(raw: bytes, mode: str) -> Line:
    line = raw.rstrip()
    if b"\x1b" in line:
        line = _COLOURS.sub(b"", line)
    if mode == "text":
        return Line([], to_text(line))
    if line[-1:] == b"}":
        opening = -1
        for _ in range(_MAX_OPENINGS):
            opening = line.find(b"{", opening + 1)
            if opening < 0:
                break
            value = parse_json(line[opening:])
            if type(value) is dict and value:
                return Line(_peel(value, 2), to_text(line[:opening]))
    if b"=" in line[:200] and mode != "json" and (pairs := read_logfmt(line, sure=mode == "logfmt")):
        return Line([pairs[0]], to_text(pairs[1]))
    return Line([], to_text(line))


def _peel(record: Record, depth: int) -> list[Record]:
    if "resourceLogs" in record:
        return _otlp_records(record)
    if depth and "log" in record and "stream" in record and type(record["log"]) is str:
        return _merge_text({"time": record.get("time")}, record["log"], depth)
    if depth and "MESSAGE" in record:
        outer = {key: value for key, value in record.items() if key != "MESSAGE"}
        return _merge_text(outer, _journal_text(record["MESSAGE"]), depth)
    for key, value in record.items():
        if type(value) is str and value[:1] == "{" and normal(key) in CARRIERS:
            return _peel_carrier(record, key, value, depth)
        if key == "payload" and type(value) is dict:
            record = _peel_payload(record, value)
            break
    return [record]


def _peel_carrier(record: Record, key: str, text: str, depth: int) -> list[Record]:
    inner = parse_json(text.encode("utf-8", "surrogatepass")) if depth and text.rstrip()[-1:] == "}" else None
    if type(inner) is not dict or not inner:
        return [record]
    outer = {name: value for name, value in record.items() if name != key}
    return [{**outer, **peeled} for peeled in _peel(inner, depth - 1)]


def _peel_payload(record: Record, payload: Record) -> Record:
    text = payload.get("msg")
    if type(text) is not str or text[:1] != "{":
        return record
    inner = parse_json(text.encode("utf-8", "surrogatepass"))
    return {**record, "payload": {**payload, "msg": inner}} if type(inner) is dict else record


def _merge_text(outer: Record, text: str, depth: int) -> list[Record]:
    line = read_line(text.rstrip().encode("utf-8", "surrogatepass")) if depth > 1 else Line([], text.rstrip())
    if line.records:
        return [{**outer, **record} for record in line.records]
    return [{**outer, "message": line.prefix}]


def _journal_text(value: object) -> str:
    if type(value) is list:  # journald writes a message that is not text as a list of bytes
        try:
            return bytes(value).decode("utf-8", "replace")
        except (TypeError, ValueError):
            return ""
    return value if type(value) is str else ""


def _otlp_records(batch: Record) -> list[Record]:
    found: list[Record] = []
    for resource_logs in _dicts(batch.get("resourceLogs")):
        resource = resource_logs.get("resource")
        shared = _otlp_attributes(resource.get("attributes")) if type(resource) is dict else {}
        for scope in _dicts(resource_logs.get("scopeLogs")):
            for entry in _dicts(scope.get("logRecords")):
                if len(found) >= _MAX_BATCH:
                    return found
                found.append({**shared, **_otlp_entry(entry)})
    return found or [batch]


def _otlp_entry(entry: Record) -> Record:
    flat = {key: value for key, value in entry.items() if key not in ("attributes", "body")}
    flat.update(_otlp_attributes(entry.get("attributes")))
    body = _otlp_value(entry.get("body"))
    if type(body) is str and body[:1] == "{":
        inner = parse_json(body.encode("utf-8", "surrogatepass"))
        if type(inner) is dict:
            return {**flat, **inner}
    if type(body) is dict:
        return {**flat, **body}
    if body is not None:
        flat.setdefault("message", body)
    return flat


def _otlp_attributes(pairs: object) -> Record:
    found: Record = {}
    for pair in _dicts(pairs):
        key = pair.get("key")
        if type(key) is str:
            found[key] = _otlp_value(pair.get("value"))
    return found


def _otlp_value(value: object, depth: int = 0) -> object:
    if type(value) is not dict:
        return value
    for kind in ("stringValue", "intValue", "doubleValue", "boolValue"):
        if kind in value:
            return value[kind]
    if depth < _MAX_NESTED and type(pairs := value.get("kvlistValue")) is dict:
        return {
            pair["key"]: _otlp_value(pair.get("value"), depth + 1)
            for pair in _dicts(pairs.get("values"))
            if type(pair.get("key")) is str
        }
    if depth < _MAX_NESTED and type(items := value.get("arrayValue")) is dict:
        return [_otlp_value(item, depth + 1) for item in _dicts(items.get("values"))]
    return None


def _dicts(value: object) -> list[Record]:
    return [item for item in value if type(item) is dict] if type(value) is list else []
