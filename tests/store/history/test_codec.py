"""Points as bytes: exact, and strict with what others may have written."""

from __future__ import annotations

import math
import random
import struct
import tracemalloc
import zlib
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wfmon.store.history import codec
from wfmon.store.history.codec import PACKED, PLAIN, Picker, Rows, decode, encode, known

FLOATS = st.floats(width=32, allow_infinity=False)
IDS = st.integers(1, 2_000_000_000)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    subjects = draw(st.lists(IDS, unique=True, max_size=draw(st.sampled_from([3, 40, 400]))))
    names = draw(st.lists(IDS, unique=True, max_size=6))
    seed = draw(st.integers(0, 1 << 30))
    shuffled = random.Random(seed)
    pool = draw(st.lists(FLOATS, min_size=1, max_size=8))
    return Rows(subjects, {name: array("f", [shuffled.choice(pool) for _ in subjects]) for name in names})


TABLES = st.dictionaries(IDS, rows(), max_size=6)


def same(one: Rows, other: Rows) -> bool:
    """Also where values are not known, which are not equal to themselves."""
    return (
        list(one.subjects) == list(other.subjects)
        and list(one.columns) == list(other.columns)
        and all(
            (math.isnan(a) and math.isnan(b)) or a == b
            for name in one.columns
            for a, b in zip(one.columns[name], other.columns[name], strict=True)
        )
    )


@given(TABLES)
def test_what_comes_out_is_what_went_in(tables: dict[int, Rows]) -> None:
    found = decode(encode(tables))
    assert found is not None
    assert list(found) == list(tables)
    assert all(same(found[kind], tables[kind]) for kind in tables)


@given(rows())
def test_only_what_is_not_known_is_left_out(table: Rows) -> None:
    left = known(table)
    cells = {
        (subject, name): values[index]
        for name, values in table.columns.items()
        for index, subject in enumerate(table.subjects)
        if not math.isnan(values[index])
    }
    if left is None:
        assert cells == {}
        return
    kept = {
        (subject, name): values[index]
        for name, values in left.columns.items()
        for index, subject in enumerate(left.subjects)
        if not math.isnan(values[index])
    }
    assert kept == cells
    assert all(any((subject, name) in cells for name in left.columns) for subject in left.subjects)
    assert all(any((subject, name) in cells for subject in left.subjects) for name in left.columns)


@given(TABLES, st.data())
def test_a_single_value_is_the_one_of_the_whole(tables: dict[int, Rows], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(tables)) if tables else IDS)
    table = tables.get(kind, Rows((), {}))
    subject = data.draw(st.sampled_from(list(table.subjects)) if table.subjects else IDS)
    names = [*table.columns, -1]
    found = Picker(kind, subject, names).pick(encode(tables))
    if subject not in table.subjects:
        assert found is None
        return
    place = list(table.subjects).index(subject)
    wanted = [values[place] for values in table.columns.values()]
    assert found == (*(None if math.isnan(value) else value for value in wanted), None)


def big() -> dict[int, Rows]:
    mixed = random.Random(7)
    subjects = list(range(1, 501))
    return {
        9: Rows(subjects, {name: array("f", [mixed.random() for _ in subjects]) for name in (3, 4)}),
        8: Rows([5], {3: array("f", [1.5])}),
    }


@pytest.mark.parametrize("tables", [big(), {8: Rows([5, 9], {3: array("f", [1.5, 2.5])})}])
@settings(max_examples=150)
@given(data=st.data())
def test_no_damage_does_more_than_lose_the_point(tables: dict[int, Rows], data: st.DataObject) -> None:
    blob = bytearray(encode(tables))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(blob) - 1, 80)) | st.integers(0, len(blob) - 1))
        blob[place] = data.draw(st.integers(0, 255))
    damaged = bytes(blob[: data.draw(st.integers(0, len(blob)))]) if data.draw(st.booleans()) else bytes(blob)
    for kind in (8, 9):
        Picker(kind, 5, [3, 4]).pick(damaged)
    found = decode(damaged)
    if found is not None:
        encode(found)  # still a table: every column as long as its subjects


@given(st.binary(max_size=300), st.sampled_from([PLAIN, PACKED]))
def test_noise_is_no_point(noise: bytes, form: int) -> None:
    decode(noise)
    decode(bytes((form,)) + (zlib.compress(noise) if form == PACKED else noise))


@pytest.mark.parametrize("blob", [None, "text", 7, b"", b"\x01", b"\x02", b"\x03\x00", b"\x01\x00\x00"])
def test_other_things_are_no_points(blob: object) -> None:
    assert decode(blob) is None


def test_a_bomb_is_not_unpacked() -> None:
    bombs = [bytes((PACKED,)) + zlib.compress(bytes(400_000_000), 9)]
    # One column that says it is small, and one that says it is large.
    stuffing = zlib.compress(bytes(100_000_000), 9)
    for count in (10, 3_000_000, 4_000_000_000):
        head = bytes((1,)) + struct.pack("<IIB", 1, count, 1)
        head += struct.pack("<IBIIBI", 0, 0, 0, 2, 1, len(stuffing))
        bombs.append(bytes((PLAIN,)) + head + stuffing)
    tracemalloc.start()
    try:
        for bomb in bombs:
            assert decode(bomb) is None
            assert Picker(1, 1, [2]).pick(bomb) is None
        assert tracemalloc.get_traced_memory()[1] < 6 * codec.MOST_BYTES
    finally:
        tracemalloc.stop()


def test_infinite_is_not_known() -> None:
    found = decode(encode({1: Rows([1, 2], {3: array("f", [math.inf, 2.0])})}))
    assert found is not None
    assert math.isnan(found[1].columns[3][0])
    assert Picker(1, 1, [3]).pick(encode({1: Rows([1], {3: array("f", [-math.inf])})})) == (None,)


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 values for 1 subjects"):
        encode({1: Rows([1], {2: array("f", [1.0, 2.0])})})
