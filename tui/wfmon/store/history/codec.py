"""Points as bytes: tables of float32, column by column.

A blob is one byte (PLAIN or PACKED) and a body. The body is the number of tables, then per table its
kind, its number of rows and how many bytes their subjects take, and per column its name, how it is
coded and how many bytes it takes; then all subjects and columns in that order. Kinds, subjects and
columns are ids of the names of the file. A blob of few rows is packed as a whole, one of many column by
column, so that one column can be read alone. Bytes of like weight stand together, because those of
float32 are alike there and nowhere else.

Whoever may write the file may write anything into it: what is not exactly this is no point, and no blob
takes more than ``MOST_BYTES`` to read.
"""

from __future__ import annotations

import math
import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence

from wfmon.model.record import dataclass

MOST_PACKED = 4 * 1024 * 1024
MOST_BYTES = 16 * 1024 * 1024
MOST_TABLES = 32
MOST_COLUMNS = 64
PLAIN, PACKED = 1, 2
_RAW, _ZLIB = 0, 1
_LEVEL = 1
_FEW = 4096  # bytes that are not worth packing column by column
_TABLE = struct.Struct("<IIIB")
_COLUMN = struct.Struct("<IBI")
_FLOAT = struct.Struct("<f")
_SWAP = sys.byteorder == "big"


@dataclass(frozen=True, slots=True)
class Rows:
    """A table by ids: ``columns`` maps the id of a column to its values, NaN where not known."""

    subjects: Sequence[int]
    columns: Mapping[int, array[float]]


@dataclass(frozen=True, slots=True)
class _Column:
    name: int
    coded: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the parts of one table lie in the body."""

    kind: int
    rows: int
    begin: int
    end: int
    columns: tuple[_Column, ...]


def known(rows: Rows) -> Rows | None:
    """Without columns and rows of which nothing is known; None where nothing is left."""
    columns = {name: values for name, values in rows.columns.items() if not all(map(math.isnan, values))}
    if not columns:
        return None
    missing: Sequence[int] = range(len(rows.subjects))
    for values in columns.values():
        if not (missing := [index for index in missing if math.isnan(values[index])]):
            return rows if len(columns) == len(rows.columns) else Rows(rows.subjects, columns)
    left_out = frozenset(missing)
    kept = [index for index in range(len(rows.subjects)) if index not in left_out]
    return Rows(
        [rows.subjects[index] for index in kept],
        {name: array("f", [values[index] for index in kept]) for name, values in columns.items()},
    )


def encode(tables: Mapping[int, Rows]) -> bytes:
    """The blob of the tables by kind; raises ValueError where a column is not as long as its table."""
    size = sum(4 * len(rows.subjects) * (1 + len(rows.columns)) for rows in tables.values())
    few = size <= _FEW
    head, parts = bytearray((len(tables),)), []
    for kind, rows in tables.items():
        subjects = _coded(_differences(rows.subjects), few)[1]
        parts.append(subjects)
        head += _TABLE.pack(kind, len(rows.subjects), len(subjects), len(rows.columns))
        for name, values in rows.columns.items():
            if len(values) != len(rows.subjects):
                raise ValueError(f"{len(values)} values for {len(rows.subjects)} subjects")
            coded, content = _coded(values, few)
            parts.append(content)
            head += _COLUMN.pack(name, coded, len(content))
    body = bytes(head) + b"".join(parts)
    return bytes((PACKED,)) + zlib.compress(body, _LEVEL) if few else bytes((PLAIN,)) + body


def decode(blob: object) -> dict[int, Rows] | None:
    """The tables by kind; None for what is no point. Infinite values are not known."""
    opened = _opened(blob)
    if opened is None:
        return None
    body, layouts = opened
    tables = {}
    for layout in layouts:
        subjects = _subjects(body, layout)
        columns = {column.name: _column(body, layout, column) for column in layout.columns}
        if subjects is None:
            return None
        values = {name: values for name, values in columns.items() if values is not None}
        if len(values) != len(columns):
            return None
        tables[layout.kind] = Rows(subjects, values)
    return tables


class Picker:
    """Reads single values of many blobs, without what is not asked for."""

    def __init__(self, kind: int, subject: int, columns: Sequence[int]) -> None:
        self._kind = kind
        self._subject = subject
        self._columns = columns
        self._coded: tuple[bytes, int] | None = None  # the last subjects, as coded
        self._index: int | None = None

    def pick(self, blob: object) -> tuple[float | None, ...] | None:
        """The value of each column; None where the subject has no row, or the blob is no point."""
        opened = _opened(blob)
        if opened is None:
            return None
        body, layouts = opened
        for layout in layouts:
            if layout.kind == self._kind:
                index = self._find(body, layout)
                if index is None:
                    return None
                columns = {column.name: column for column in layout.columns}
                return tuple(_value(body, layout, columns.get(name), index) for name in self._columns)
        return None

    def _find(self, body: bytes, layout: _Layout) -> int | None:
        coded = (body[layout.begin : layout.end], layout.rows)
        if coded != self._coded:
            self._coded = coded
            subjects = _subjects(body, layout)
            try:
                self._index = None if subjects is None else subjects.index(self._subject)
            except ValueError:
                self._index = None
        return self._index


def _opened(blob: object) -> tuple[bytes, list[_Layout]] | None:
    if not isinstance(blob, bytes) or not 2 <= len(blob) <= MOST_PACKED:
        return None
    if blob[0] == PLAIN:
        body: bytes | None = blob[1:]
    else:
        body = _unpacked(blob[1:], MOST_BYTES) if blob[0] == PACKED else None
    if not body:
        return None
    try:
        layouts = list(_layouts(body))
    except (struct.error, ValueError):
        return None
    return body, layouts


def _layouts(body: bytes) -> Iterator[_Layout]:
    """Raises ValueError or struct.error for what is not exactly a body."""
    tables, at, total = body[0], 1, 0
    if tables > MOST_TABLES:
        raise ValueError
    heads = []
    for _ in range(tables):
        kind, rows, subjects, count = _TABLE.unpack_from(body, at)
        at += _TABLE.size
        total += 4 * rows * (1 + count)
        if count > MOST_COLUMNS or total > MOST_BYTES:
            raise ValueError
        columns = [_COLUMN.unpack_from(body, at + number * _COLUMN.size) for number in range(count)]
        at += count * _COLUMN.size
        heads.append((kind, rows, subjects, columns))
    found = []
    for kind, rows, subjects, columns in heads:
        begin, end = at, at + subjects
        at, placed = end, []
        for name, coded, length in columns:
            placed.append(_Column(name, coded, at, at + length))
            at += length
        found.append(_Layout(kind, rows, begin, end, tuple(placed)))
    if at != len(body):
        raise ValueError
    yield from found


def _differences(subjects: Sequence[int]) -> array[int]:
    before, found = 0, array("i")
    for subject in subjects:
        found.append(subject - before)
        before = subject
    return found


def _subjects(body: bytes, layout: _Layout) -> list[int] | None:
    """Ids one after the other are told by how much they differ, which packs well."""
    length = layout.end - layout.begin
    content = _uncoded(
        body, layout.begin, layout.end, _RAW if length == 4 * layout.rows else _ZLIB, layout.rows
    )
    if content is None:
        return None
    steps, subject, found = array("i", content), 0, []
    if _SWAP:
        steps.byteswap()
    for step in steps:
        subject += step
        found.append(subject)
    return found


def _column(body: bytes, layout: _Layout, column: _Column) -> array[float] | None:
    content = _uncoded(body, column.begin, column.end, column.coded, layout.rows)
    if content is None:
        return None
    values = array("f", content)
    if _SWAP:
        values.byteswap()
    if math.inf in values or -math.inf in values:
        values = array("f", [value if math.isfinite(value) else math.nan for value in values])
    return values


def _value(body: bytes, layout: _Layout, column: _Column | None, index: int) -> float | None:
    if column is None:
        return None
    rows = layout.rows
    if column.coded == _RAW:
        content: bytes | None = body[column.begin : column.end]
        raw = content[4 * index : 4 * index + 4] if content and len(content) == 4 * rows else None
    else:
        content = _unpacked(body[column.begin : column.end], 4 * rows)
        raw = content[index::rows] if content and len(content) == 4 * rows else None
    if raw is None:
        return None
    value: float = _FLOAT.unpack(raw)[0]
    return value if math.isfinite(value) else None


def _coded(values: array[float] | array[int], few: bool) -> tuple[int, bytes]:
    if _SWAP:
        values = values[:]
        values.byteswap()
    raw = values.tobytes()
    if few:
        return _RAW, raw
    packed = zlib.compress(b"".join((raw[0::4], raw[1::4], raw[2::4], raw[3::4])), _LEVEL)
    return (_ZLIB, packed) if len(packed) < len(raw) else (_RAW, raw)


def _uncoded(body: bytes, begin: int, end: int, coded: int, rows: int) -> bytes | None:
    if coded == _RAW:
        return body[begin:end] if end - begin == 4 * rows else None
    if coded != _ZLIB:
        return None
    found = _unpacked(body[begin:end], 4 * rows)
    if found is None or len(found) != 4 * rows:
        return None
    together = bytearray(4 * rows)
    for place in range(4):
        together[place::4] = found[place * rows : (place + 1) * rows]
    return bytes(together)


def _unpacked(content: bytes, most: int) -> bytes | None:
    """None where it is no whole stream of at most ``most`` bytes."""
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(content, most + 1)
    except zlib.error:
        return None
    whole = unpacker.eof and not unpacker.unused_data and len(found) <= most
    return found if whole else None
