"""Points as bytes: tables of float32, column by column.

A blob is one byte (PLAIN or PACKED) and a body. The body is the number of tables, then per table its
kind, its number of rows and of columns, and for the subjects and per column a name, how it is coded and
how many bytes it takes; then all subjects and columns in that order. Kinds, subjects and columns are ids
of the names of the file. A blob of few rows is packed as a whole, one of many column by column, so that
one column can be read alone, each in the shorter of two ways: the values as they are, which suits few
different ones, or bytes of like weight together, because those of float32 are alike there if anywhere.

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
_RAW, _PARTED, _WHOLE = 0, 1, 2
_LEVEL = 6
_FEW = 4096  # bytes that are not worth packing column by column
_TABLE = struct.Struct("<IIB")
_COLUMN = struct.Struct("<IBI")
_SUBJECTS = 0  # in the place of a column's name
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
    subjects: _Column
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
        coded, content = _coded(_differences(rows.subjects), few)
        parts.append(content)
        head += _TABLE.pack(kind, len(rows.subjects), len(rows.columns))
        head += _COLUMN.pack(_SUBJECTS, coded, len(content))
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
        coded = (body[layout.subjects.begin : layout.subjects.end], layout.rows)
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
        kind, rows, count = _TABLE.unpack_from(body, at)
        at += _TABLE.size
        total += 4 * rows * (1 + count)
        if count > MOST_COLUMNS or total > MOST_BYTES:
            raise ValueError
        columns = [_COLUMN.unpack_from(body, at + number * _COLUMN.size) for number in range(1 + count)]
        at += len(columns) * _COLUMN.size
        heads.append((kind, rows, columns))
    found = []
    for kind, rows, columns in heads:
        placed = []
        for name, coded, length in columns:
            placed.append(_Column(name, coded, at, at + length))
            at += length
        found.append(_Layout(kind, rows, placed[0], tuple(placed[1:])))
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
    content = _uncoded(body, layout.subjects, layout.rows)
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
    content = _uncoded(body, column, layout.rows)
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
    content: bytes | None = body[column.begin : column.end]
    if content and column.coded != _RAW:
        content = _unpacked(content, 4 * rows)
    if not content or len(content) != 4 * rows:
        return None
    raw = content[index::rows] if column.coded == _PARTED else content[4 * index : 4 * index + 4]
    value: float = _FLOAT.unpack(raw)[0]
    return value if math.isfinite(value) else None


def _coded(values: array[float] | array[int], few: bool) -> tuple[int, bytes]:
    if _SWAP:
        values = values[:]
        values.byteswap()
    raw = values.tobytes()
    if few:
        return _RAW, raw
    parted = zlib.compress(b"".join((raw[0::4], raw[1::4], raw[2::4], raw[3::4])), _LEVEL)
    whole = zlib.compress(raw, _LEVEL)
    return min((_RAW, raw), (_PARTED, parted), (_WHOLE, whole), key=_length)


def _length(coded: tuple[int, bytes]) -> int:
    return len(coded[1])


def _uncoded(body: bytes, column: _Column, rows: int) -> bytes | None:
    """The bytes of ``rows`` values; None where they are not exactly that."""
    if column.coded not in (_RAW, _PARTED, _WHOLE):
        return None
    content: bytes | None = body[column.begin : column.end]
    if content is not None and column.coded != _RAW:
        content = _unpacked(content, 4 * rows)
    if content is None or len(content) != 4 * rows or column.coded != _PARTED:
        return content if content is not None and len(content) == 4 * rows else None
    together = bytearray(4 * rows)
    for place in range(4):
        together[place::4] = content[place * rows : (place + 1) * rows]
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
