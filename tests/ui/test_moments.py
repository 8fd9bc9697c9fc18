"""Moments as they are written on the screen and typed by a person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.ui.moments import told, understood

NOW = datetime(2026, 11, 23, 14, 3, 27, tzinfo=UTC).timestamp()  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("14:02", "2026-11-23 14:02:00"),
        ("02:51", "2026-11-23 02:51:00"),
        (" 2:51 ", "2026-11-23 02:51:00"),
        ("14:04", "2026-11-22 14:04:00"),
        ("14:03:20", "2026-11-23 14:03:20"),
        ("yesterday 14:02", "2026-11-22 14:02:00"),
        ("Yesterday  23:59", "2026-11-22 23:59:00"),
        ("today 00:00", "2026-11-23 00:00:00"),
        ("mon 14:02", "2026-11-23 14:02:00"),
        ("Mon 14:04", "2026-11-16 14:04:00"),
        ("sunday 9:00", "2026-11-22 09:00:00"),
        ("-3h", "2026-11-23 11:03:27"),
        ("-90s", "2026-11-23 14:01:57"),
        ("1h30m ago", "2026-11-23 12:33:27"),
        ("-2d", "2026-11-21 14:03:27"),
        ("2026-11-22 14:02", "2026-11-22 14:02:00"),
        ("2026-11-22T14:02:05", "2026-11-22 14:02:05"),
        ("2026-11-22", "2026-11-22 00:00:00"),
        ("11-22 14:02", "2026-11-22 14:02:00"),
        ("12-24 18:00", "2025-12-24 18:00:00"),
        ("2026-12-24 18:00", "2026-12-24 18:00:00"),
        ("now", "2026-11-23 14:03:27"),
    ],
)
def test_a_moment_is_understood(text: str, moment: str) -> None:
    at = understood(text, NOW, UTC)
    assert at is not None
    assert datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") == moment


@pytest.mark.parametrize(
    "text",
    ["", "25:00", "14:60", "14", "noon", "monkey 14:02", "m 14:02", "2026-13-01 10:00", "2026-02-30 10:00",
     "-999999w", "9999-12-31 23:59", "-3", "--3h", "14:02 mon", "٣:٠٢", "1e9", "[bold]", "-3h" * 50],
)  # fmt: skip
def test_what_is_no_moment_is_not_guessed(text: str) -> None:
    assert understood(text, NOW, UTC) is None


def test_moments_are_in_the_display_zone() -> None:
    assert understood("14:02", NOW, BERLIN) == datetime(2026, 11, 23, 14, 2, tzinfo=BERLIN).timestamp()
    assert understood("15:03", NOW, BERLIN) == datetime(2026, 11, 23, 15, 3, tzinfo=BERLIN).timestamp()
    assert told(NOW, NOW, BERLIN) == "15:03"


def test_the_local_zone_is_used_where_none_is_configured(in_tokyo: None) -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    assert understood("14:02", NOW, None) == datetime(2026, 11, 23, 14, 2, tzinfo=tokyo).timestamp()
    assert told(NOW, NOW, None, seconds=True) == "23:03:27"


def test_of_an_hour_that_was_there_twice_the_last_is_meant() -> None:
    now = datetime(2026, 10, 25, 12, 0, tzinfo=BERLIN).timestamp()
    at = understood("02:30", now, BERLIN)
    assert at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC).timestamp()
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC).timestamp()
    assert understood("02:30", between, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()


def test_a_clock_that_was_left_out_is_that_of_the_day_before() -> None:
    now = datetime(2026, 3, 29, 12, 0, tzinfo=BERLIN).timestamp()
    assert understood("02:30", now, BERLIN) == datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW - 60, "14:02"),
        (NOW - 86_400, "Sun 14:03"),
        (NOW - 6 * 86_400, "Tue 14:03"),
        (NOW - 7 * 86_400, "11-16 14:03"),
        (NOW - 400 * 86_400, "2025-10-19 14:03"),
    ],
)
def test_a_moment_is_told_with_the_day_that_it_needs(moment: float, words: str) -> None:
    assert told(moment, NOW, UTC) == words


@given(st.floats(1.0, NOW), st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]))
def test_what_is_told_is_understood_again(at: float, zone: str) -> None:
    where = ZoneInfo(zone)
    words = told(at, NOW, where, seconds=True)
    back = understood(words, NOW, where)
    assert back is not None
    assert told(back, NOW, where, seconds=True) == words


@given(st.text(max_size=40))
def test_any_text_is_understood_or_not(text: str) -> None:
    at = understood(text, NOW, BERLIN)
    assert at is None or 0 <= at < 2.5e11
    if at is not None:
        assert told(at, NOW, BERLIN)
