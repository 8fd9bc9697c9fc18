from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.config import units
from wfmon.config.units import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("1h30m", 5400), ("250ms", 0.25), ("2d", 172_800), ("1w", 604_800), ("0", 0), ("5", 5),
     ("1.5m", 90), (7, 7), (0.5, 0.5), ("1m500ms", 60.5), (" 5s ", 5)],
)  # fmt: skip
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "fast",
        "-5s",
        "5 s",
        "5x",
        "1m1h",
        "1s1s",
        "5S",
        True,
        None,
        -1,
        float("nan"),
        float("inf"),
        [5],
        "٥s",
    ],
)
def test_wrong_durations(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(wrong)


@given(st.integers(0, 500), st.integers(0, 59), st.integers(0, 59))
def test_a_written_duration_means_its_sum(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("20GiB", 20 * 2**30),
        ("20G", 20 * 2**30),
        ("1.5MB", 1_500_000),
        ("4 KiB", 4096),
        ("12", 12),
        (12, 12),
        ("7b", 7),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("wrong", ["", "big", "-1G", "1XB", True, None, -1, float("nan"), "1G1M"])
def test_wrong_sizes(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        parse_size(wrong)


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(units).failed == 0
