"""What doctor says of prices: whose they are, which models have none, and why they are not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.snapshots import all_fine
from wfmon.cli.pricelines import MOST, price_lines
from wfmon.config import schema
from wfmon.config.loader import load_config
from wfmon.model.metrics import TokenKind
from wfmon.model.snapshot import Snapshot, TokenRow
from wfmon.sources.prices import found
from wfmon.sources.prices.found import Answer, Price, PriceError

OVERRIDE = '[[prices.override]]\nmodel = "own-*"\ninput_mtok = 1.0\noutput_mtok = 2.0\n'


def config(folder: Path, text: str = "") -> schema.Config:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, {}).config


def seeing(*models: str) -> Snapshot:
    rows = tuple(TokenRow(name, "p", None, TokenKind.INPUT, None, 1.0) for name in models)
    return replace(all_fine(), tokens=rows)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Price data that knows ``sold``."""

    def look_up(refs: list[object]) -> Answer:
        return Answer("1.0", [Price(1.0, 2.0) if ref.model == "sold" else None for ref in refs])  # type: ignore[attr-defined]

    monkeypatch.setattr(found, "look_up", look_up)
    for place in ("wfmon.sources.prices.found", "wfmon.cli.pricelines"):
        monkeypatch.setattr(f"{place}.installed", lambda: "1.0")


@pytest.mark.usefixtures("data")
def test_it_names_whose_prices_hold_and_what_has_none(tmp_path: Path) -> None:
    lines = price_lines(config(tmp_path, OVERRIDE), seeing("sold", "own-7b", "llama", "llama"))

    assert lines == ["", "prices    genai-prices 1.0, 1 of the config before it", "    no price p/llama"]


@pytest.mark.usefixtures("data")
def test_many_models_without_a_price_are_counted(tmp_path: Path) -> None:
    lines = price_lines(config(tmp_path), seeing(*(f"m{number}" for number in range(MOST + 3))))

    assert len(lines) == 2 + MOST + 1
    assert lines[-1] == "    no price and 3 more models"


def test_without_price_data_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("wfmon.sources.prices.found", "wfmon.cli.pricelines"):
        monkeypatch.setattr(f"{place}.installed", lambda: None)

    lines = price_lines(config(tmp_path), seeing("sold"))
    assert lines[1] == "prices    genai-prices is not installed: pip install 'wfmon-tui[prices]'"
    assert lines[2] == "    no price p/sold"


@pytest.mark.usefixtures("data")
def test_price_data_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(refs: list[object]) -> Answer:
        raise PriceError("the price data did not answer: killed")

    monkeypatch.setattr(found, "look_up", fails)
    assert "    problem  the price data did not answer: killed" in price_lines(
        config(tmp_path), seeing("sold")
    )


def test_switched_off_only_the_configs_prices_hold(tmp_path: Path) -> None:
    off = '[prices]\nsource = ""\n'
    assert price_lines(config(tmp_path, off), seeing())[1] == "prices    none: [prices] source is empty"
    assert (
        price_lines(config(tmp_path, off + OVERRIDE), seeing())[1] == "prices    only those of the config: 1"
    )
