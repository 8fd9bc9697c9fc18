"""Samples with times of one's own in a real Prometheus: its remote write protocol, as far as tests need it.

A backfill (``promtool tsdb create-blocks-from``) knows no staleness markers, and is read only when the
server starts; here each test writes when it likes, also the markers that a scrape leaves.
"""

from __future__ import annotations

import math
import struct
import urllib.request
from collections.abc import Iterable, Mapping, Sequence

OPTION = "--web.enable-remote-write-receiver"
# The NaN that says that a series is not there any more (Prometheus model/value).
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
_NAN = struct.pack("<Q", 0x7FF8000000000001)
_STALE = struct.pack("<Q", 0x7FF0000000000002)

Samples = Sequence[tuple[float, float]]


def remote_write(url: str, series: Iterable[tuple[Mapping[str, str], Samples]]) -> None:
    """``series``: labels (with ``__name__``) and (time, value), ascending; ``STALE`` as a value marks its
    end. Raises ``urllib.error.HTTPError`` where the server refuses them."""
    body = b"".join(_field(1, _series(labels, samples)) for labels, samples in series)
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    request = urllib.request.Request(f"{url}/api/v1/write", _snappy(body), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def _series(labels: Mapping[str, str], samples: Samples) -> bytes:
    named = (
        _field(1, _field(1, name.encode()) + _field(2, labels[name].encode())) for name in sorted(labels)
    )
    timed = (
        _field(2, b"\x09" + _double(value) + b"\x10" + _varint(round(at * 1000))) for at, value in samples
    )
    return b"".join((*named, *timed))


def _double(value: float) -> bytes:
    if math.isnan(value):  # its bits may be lost on the way through arithmetic: told apart by identity
        return _STALE if value is STALE else _NAN
    return struct.pack("<d", value)


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field with a length."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _snappy(content: bytes) -> bytes:
    """The block format with literals only: nothing is compressed."""
    parts = [_varint(len(content))]
    for begin in range(0, len(content), 65536):
        piece = content[begin : begin + 65536]
        parts += [b"\xf4", struct.pack("<H", len(piece) - 1), piece]
    return b"".join(parts)
