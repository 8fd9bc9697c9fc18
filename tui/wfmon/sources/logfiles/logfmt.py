"""logfmt: ``time=… level=info msg="two words" run_id=7``."""

from __future__ import annotations

import re

_PAIR = re.compile(rb'([A-Za-z_@][\w.@/-]{0,80})=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|\Z)')
_BEGIN = re.compile(rb"[A-Za-z_@][\w.@/-]{0,80}=")
# What others put before a line; only behind these a line of pairs may begin.
_BEFORE = re.compile(
    rb"[\w.-]{1,60} {1,20}\| |[0-9T:.Z+-]{20,40} std(?:out|err) [FP] |<\d{1,3}>1 (?:\S+ ){5}(?:-|\[[^\]]*\]) "
)
_KNOWN = frozenset(
    (b"time", b"ts", b"t", b"timestamp", b"level", b"lvl", b"severity", b"msg", b"message", b"event", b"at")
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MOST_PAIRS = 200


def read_logfmt(line: bytes, *, sure: bool) -> tuple[dict[str, object], bytes] | None:
    """The pairs of a line and what is before them; None if it is not only pairs. Unless the file is known to
    be logfmt (``sure``), two pairs and a well-known key are asked for."""
    begin = 0
    if _BEGIN.match(line) is None:
        before = _BEFORE.match(line)
        if before is None or _BEGIN.match(line, before.end()) is None:
            return None
        begin = before.end()
    record: dict[str, object] = {}
    known, at = sure, begin
    while at < len(line) and len(record) < _MOST_PAIRS:
        pair = _PAIR.match(line, at)
        if pair is None:
            return None
        key = pair[1]
        known = known or key in _KNOWN
        record.setdefault(key.decode("ascii", "replace"), _value(pair[2]))
        at = pair.end()
    if not known or (len(record) < 2 and not sure):
        return None
    return record, line[:begin]


def _value(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if text[:1] != '"':
        return text
    text = text[1:-1]
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), text) if "\\" in text else text
