"""Models that are seen get their price without anybody waiting, once; the book says what is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wfmon.config import schema
from wfmon.config.loader import load_config
from wfmon.model.metrics import TokenKind
from wfmon.model.prices import ModelRef
from wfmon.model.snapshot import TokenRow
from wfmon.monitor.pricing import AGAIN_SECONDS, SEEN_SECONDS, Pricing, make_book, price_now
from wfmon.sources.prices import found
from wfmon.sources.prices.found import Answer, Price, PriceError
from wfmon.store.paths import StateDir

NOW = 1_000_000.0
REF = ModelRef("openai", "gpt-x")


class Data:
    """Price data that knows one model; ``fails``: why it does not answer."""

    def __init__(self) -> None:
        self.asked: list[ModelRef] = []
        self.fails: str | None = None
        self.waiting = threading.Event()
        self.waiting.set()

    def look_up(self, refs: list[ModelRef]) -> Answer:
        assert self.waiting.wait(30)
        self.asked += refs
        if self.fails is not None:
            raise PriceError(self.fails)
        return Answer("1.0", [Price(2.0, 8.0) if ref == REF else None for ref in refs])


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Data:
    made = Data()
    monkeypatch.setattr(found, "look_up", made.look_up)
    monkeypatch.setattr(found, "installed", lambda: "1.0")
    monkeypatch.setattr("wfmon.monitor.pricing.installed", lambda: "1.0")
    return made


def config(folder: Path, text: str = "") -> schema.Config:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, {}).config


@pytest.fixture
def pricing(data: Data, tmp_path: Path) -> Iterator[Pricing]:
    made = Pricing(config(tmp_path), StateDir(tmp_path, shared=False), lambda: NOW)
    yield made
    made.stop()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def row(model: str | None) -> TokenRow:
    return TokenRow(model, "openai", None, TokenKind.INPUT, None, 1.0)


def test_a_model_on_the_screen_gets_its_price_and_is_asked_once(pricing: Pricing, data: Data) -> None:
    data.waiting.clear()
    pricing.saw((row("gpt-x"), row(None), row("llama")), (), NOW)
    assert pricing.book.unit(REF) is None, "nobody waits for it"
    data.waiting.set()

    until(lambda: pricing.book.unit(REF) is not None)
    pricing.saw((row("gpt-x"),), (), NOW + SEEN_SECONDS)
    pricing.want([ModelRef("openai", "another")], NOW + SEEN_SECONDS)
    until(lambda: "openai/another" in pricing.book.found)

    assert data.asked == [REF, ModelRef("openai", "llama"), ModelRef("openai", "another")]
    assert pricing.book.unit(ModelRef("openai", "llama")) is None
    assert pricing.problem is None


def test_why_prices_could_not_be_looked_up_is_said_and_it_is_tried_again_later(
    pricing: Pricing, data: Data
) -> None:
    data.fails = "the price data did not answer: killed"
    pricing.want([REF], NOW)
    until(lambda: pricing.problem is not None)
    assert pricing.problem == data.fails
    data.fails = None

    pricing.want([REF], NOW + AGAIN_SECONDS - 1)
    pricing.want([REF], NOW + AGAIN_SECONDS)
    until(lambda: pricing.book.unit(REF) is not None)
    assert data.asked == [REF, REF]


def test_the_users_price_holds_at_once_and_without_price_data(data: Data, tmp_path: Path) -> None:
    text = (
        '[prices]\nsource = ""\n[[prices.override]]\nmodel = "gpt-*"\ninput_mtok = 1.0\noutput_mtok = 3.0\n'
    )
    own = Pricing(config(tmp_path, text), None, lambda: NOW)
    own.want([REF], NOW)
    own.stop()

    unit = own.book.unit(REF)
    assert unit is not None
    assert (unit.rates.input, unit.rates.output, unit.source) == (1.0, 3.0, "override")
    assert data.asked == []


def test_without_the_extra_it_says_what_to_install(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "installed", lambda: None)
    monkeypatch.setattr("wfmon.monitor.pricing.installed", lambda: None)
    own = Pricing(config(tmp_path), None, lambda: NOW)
    own.want([REF], NOW)
    until(lambda: own.problem is not None)
    own.stop()

    assert own.problem == 'no price data: install the extra "prices"'
    assert own.book.unit(REF) is None
    assert data.asked == []


def test_a_process_that_only_reads_sees_what_a_collector_looked_up(
    pricing: Pricing, data: Data, tmp_path: Path
) -> None:
    book = make_book(config(tmp_path), StateDir(tmp_path, shared=False))
    assert book().unit(REF) is None
    pricing.want([REF], NOW)
    until(lambda: pricing.book.unit(REF) is not None)

    assert book().unit(REF) == pricing.book.unit(REF)
    assert book() is book(), "the same book while nothing changed"


def test_a_command_looks_up_only_what_is_missing_and_says_why_it_could_not(
    data: Data, tmp_path: Path
) -> None:
    state = StateDir(tmp_path, shared=False)
    book, problem = price_now(config(tmp_path), state, [REF, REF, ModelRef("openai", "")], NOW)
    assert (book.unit(REF) is not None, problem, data.asked) == (True, None, [REF])
    price_now(config(tmp_path), state, [REF], NOW)
    assert data.asked == [REF]
    data.fails = "killed"

    book, problem = price_now(config(tmp_path), state, [REF, ModelRef("a", "b")], NOW)
    assert problem == "killed"
    assert book.unit(REF) is not None, "what is known stays known"
