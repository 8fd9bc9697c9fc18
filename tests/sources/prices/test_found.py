"""Prices that were looked up stay in a file: asked once, again with other data, never a reason to stop."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from wfmon.model.prices import ModelRef
from wfmon.sources.prices import found
from wfmon.sources.prices.found import AGAIN_SECONDS, Answer, FoundPrices, Price, PriceError, look_up

KNOWN, UNKNOWN = ModelRef("openai", "gpt-x"), ModelRef("local", "llama")
NOW = 1_000_000.0


class Data:
    """Price data of version ``version`` that knows ``KNOWN``."""

    def __init__(self, version: str = "1.0") -> None:
        self.version = version
        self.asked: list[list[ModelRef]] = []

    def look_up(self, refs: list[ModelRef]) -> Answer:
        self.asked.append(list(refs))
        prices = [Price(2.0, 8.0, matched="openai/gpt-x") if ref == KNOWN else None for ref in refs]
        return Answer(self.version, prices)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Data:
    made = Data()
    monkeypatch.setattr(found, "look_up", made.look_up)
    monkeypatch.setattr(found, "installed", lambda: made.version)
    return made


def test_what_was_learnt_is_there_for_the_next_process(data: Data, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    first = FoundPrices(file)
    assert first.missing([KNOWN, UNKNOWN, KNOWN], NOW) == [KNOWN, UNKNOWN]
    first.learn([KNOWN, UNKNOWN], NOW)

    second = FoundPrices(file)
    told = second.read()
    unit = told[KNOWN.id]
    assert unit is not None
    assert (unit.rates.input, unit.rates.output, unit.source) == (2.0, 8.0, "genai-prices 1.0")
    assert told[UNKNOWN.id] is None
    assert second.missing([KNOWN, UNKNOWN], NOW + 60) == []
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_model_that_was_not_known_is_looked_up_again_a_day_later(data: Data, tmp_path: Path) -> None:
    prices = FoundPrices(tmp_path / "prices.json")
    prices.learn([KNOWN, UNKNOWN], NOW)

    assert prices.missing([KNOWN, UNKNOWN], NOW + AGAIN_SECONDS) == [UNKNOWN]
    assert prices.missing([KNOWN, UNKNOWN], NOW - 60) == [UNKNOWN], "the clock was put back"


def test_other_price_data_is_asked_for_everything_anew(data: Data, tmp_path: Path) -> None:
    prices = FoundPrices(tmp_path / "prices.json")
    prices.learn([KNOWN], NOW)
    data.version = "2.0"

    assert prices.missing([KNOWN], NOW) == [KNOWN]
    prices.learn([UNKNOWN], NOW)
    assert KNOWN.id not in prices.read(), "a price of the data before is not one of the data now"


def test_without_price_data_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(found, "installed", lambda: None)

    assert FoundPrices(tmp_path / "prices.json").missing([KNOWN], NOW) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b'{"version": 1, "entries": {}}', b'{"version": "1.0", "entries": {"a": 3}}'],
)
def test_a_file_that_is_none_of_ours_is_as_none(data: Data, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "prices.json"
    file.write_bytes(content)
    prices = FoundPrices(file)

    assert prices.read() == {}
    prices.learn([KNOWN], NOW)
    assert KNOWN.id in FoundPrices(file).read()


def test_what_another_process_learnt_is_seen(data: Data, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    one, other = FoundPrices(file), FoundPrices(file)
    assert one.read() == {}
    other.learn([KNOWN], NOW)

    assert one.read()[KNOWN.id] is not None


def test_a_folder_that_cannot_be_written_costs_no_price(data: Data, tmp_path: Path) -> None:
    prices = FoundPrices(tmp_path / "gone" / "prices.json")
    prices.learn([KNOWN], NOW)

    assert not os.path.exists(tmp_path / "gone")
    assert FoundPrices(None).read() == {}


def test_a_file_that_grows_without_bound_is_cut(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "MOST", 3)
    prices = FoundPrices(tmp_path / "prices.json")
    for number in range(5):
        prices.learn([ModelRef("a", f"m{number}")], NOW)

    assert sorted(prices.read()) == ["a/m2", "a/m3", "a/m4"]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no such thing')", "no such thing"),
        ("print('not json')", "not as expected"),
        ('print(\'{"version": "1", "prices": []}\')', "too few prices"),
        ("import time; time.sleep(60)", "TimeoutExpired"),
    ],
)
def test_a_process_that_fails_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, words: str
) -> None:
    (tmp_path / "broken.py").write_text(program, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(found, "_MODULE", "broken")
    monkeypatch.setattr(found, "SECONDS", 2.0)

    with pytest.raises(PriceError, match=words):
        look_up([KNOWN])


def test_the_file_holds_no_more_than_prices(data: Data, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    FoundPrices(file).learn([KNOWN], NOW)

    assert set(msgspec.json.decode(file.read_bytes())) == {"version", "entries"}
