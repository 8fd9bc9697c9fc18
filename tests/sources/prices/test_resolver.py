"""The price data in its own process: names as gateways and SDKs tell them, services, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wfmon.model.prices import ModelRef, PriceBook, UnitPrice
from wfmon.sources.prices.found import Price, look_up, unit_price

pytest.importorskip("genai_prices")


def prices(*refs: ModelRef) -> list[Price | None]:
    return look_up(refs).prices


def test_a_model_is_found_by_the_names_that_gateways_give_it() -> None:
    bare, dated, routed, prefixed, vertex = prices(
        ModelRef("openai", "gpt-4o"),
        ModelRef("openai", "gpt-4o-2024-08-06"),
        ModelRef("", "openai/gpt-4o"),
        ModelRef("gemini", "models/gemini-2.5-flash"),
        ModelRef("vertex_ai", "gemini-2.5-flash"),
    )

    assert bare is not None
    assert (bare.input, bare.output, bare.cached) == (2.5, 10.0, 1.25)
    assert dated is not None
    assert dated.input == 2.5
    assert routed is not None
    assert routed.matched == "openai/gpt-4o"
    assert prefixed == vertex
    assert prefixed is not None
    assert prefixed.matched == "google/gemini-2.5-flash"


def test_a_model_at_home_does_not_cost_what_others_take_for_its_namesake() -> None:
    assert prices(ModelRef("ollama", "gpt-4o"), ModelRef("vllm", "gpt-4o")) == [None, None]


def test_a_fine_tuned_model_costs_what_is_taken_for_it_and_not_the_price_of_its_base() -> None:
    tuned, base, unknown = prices(
        ModelRef("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc"),
        ModelRef("openai", "gpt-4o-mini"),
        ModelRef("mistral", "ft:open-mistral-7b:acme"),
    )

    assert tuned is not None
    assert base is not None
    assert tuned.input == 2 * (base.input or 0.0)
    assert unknown is None


def test_a_model_that_nobody_sells_has_no_price() -> None:
    assert (
        prices(
            ModelRef("openai", "no-such-model"),
            ModelRef("", "no such model"),
            ModelRef("openai", ""),
        )
        == [None] * 3
    )


def test_a_batch_costs_less_and_a_service_that_is_not_sold_has_no_price() -> None:
    usual, batch, nonsense = prices(
        ModelRef("openai", "gpt-5"), ModelRef("openai", "gpt-5", "batch"), ModelRef("openai", "gpt-5", "soon")
    )

    assert usual is not None
    assert usual.input is not None
    assert batch is None or (batch.input is not None and batch.input < usual.input)
    assert nonsense is None


def test_tiers_of_long_contexts_come_with_all_their_rates() -> None:
    found = prices(ModelRef("google", "gemini-2.5-pro"))[0]
    assert found is not None

    unit = unit_price(found, "1")
    assert unit is not None
    assert unit.tiers[0].above == 200_000
    assert unit.of_call(200_000).input == 1.25
    assert unit.of_call(200_001).input == 2.5
    assert unit.of_call(200_001).output == 15.0


def test_the_program_itself_never_loads_the_price_data() -> None:
    code = (
        "import sys, wfmon.monitor.pricing, wfmon.sources.prices.found; print('genai_prices' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("number", [-1.0, float("nan"), float("inf"), 1e12])
def test_a_number_that_nobody_can_mean_is_no_price(number: float) -> None:
    assert unit_price(Price(1.0, number), "1") is None


def test_names_from_the_price_data_are_safe_to_show() -> None:
    unit = unit_price(Price(1.0, 1.0, matched="a\x1b[31mb"), "0\x07.2")

    assert isinstance(unit, UnitPrice)
    assert "\x1b" not in unit.matched
    assert "\x07" not in unit.source


def test_of_a_name_that_nobody_knows_a_book_knows_nothing() -> None:
    assert PriceBook().unit(ModelRef("openai", "gpt-4o")) is None
