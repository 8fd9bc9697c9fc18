"""Money of single calls as genai-prices itself calculates it, for every model that it sells."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from wfmon.model.prices import ModelRef, priced
from wfmon.model.run import Usage
from wfmon.sources.prices.found import look_up, unit_price

genai_prices = pytest.importorskip("genai_prices")
SAMPLE = 400
PLAIN = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"}


def models() -> Iterator[tuple[str, str]]:
    from genai_prices.data_snapshot import get_snapshot

    for provider in get_snapshot().providers:
        for model in provider.models:
            yield provider.id, model.id


def oracle(ref: ModelRef, usage: Usage) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.input,
                output_tokens=usage.output,
                cache_read_tokens=usage.cached,
                cache_write_tokens=usage.cache_write,
            ),
            ref.model,
            provider_id=ref.provider,
        )


def known(ref: ModelRef) -> bool:
    """Some have an id that their own rule does not match."""
    try:
        oracle(ref, Usage(1, 1, total=2))
    except LookupError:
        return False
    return True


def sells_only_tokens(found: Any) -> bool:
    """Not a fee for each request, nor tokens of sound and pictures."""
    told = {name for name, value in vars(found.model_price).items() if value is not None and name[0] != "_"}
    return told <= PLAIN


def calls(rng: random.Random) -> list[Usage]:
    """Short ones, and contexts above every tier that is sold."""
    made = []
    for longest in (2_000, 150_000, 300_000, 1_500_000):
        into = rng.randint(longest // 2, longest)
        cached = rng.randint(0, into // 2)
        written = rng.randint(0, into // 4)
        out = rng.randint(0, 20_000)
        made.append(Usage(into, out, cached, written, None, into + out))
    return made


def test_single_calls_cost_what_genai_prices_says() -> None:
    rng = random.Random(6)
    chosen = [ModelRef(*each) for each in rng.sample(sorted(models()), SAMPLE)]
    answer = look_up(chosen)
    compared = tiers = unpriced = 0
    for ref, price in zip(chosen, answer.prices, strict=True):
        if not known(ref):
            assert price is None, ref
            unpriced += 1
            continue
        assert price is not None or not oracle(ref, Usage(1, 1, total=2)).total_price, ref
        for usage in calls(rng) if price is not None else ():
            found = oracle(ref, usage)
            if not sells_only_tokens(found):
                continue
            unit = unit_price(price, answer.version)
            money = priced(usage, unit, single=True)
            if money.priced is None:  # it has no price for the output, for which the library takes nothing
                assert found.model_price.output_mtok is None
                continue
            assert money.priced == pytest.approx(float(found.total_price), rel=1e-9), ref
            compared += 1
            tiers += bool(unit is not None and unit.tiers)
    assert compared > 2 * SAMPLE
    assert tiers > 20
    assert unpriced < SAMPLE / 10


def test_a_sum_of_many_calls_does_not_cost_the_tier_of_long_contexts() -> None:
    """A hundred calls of 50,000 tokens: the library, asked for the sum, takes twice the price."""
    ref = ModelRef("google", "gemini-2.5-pro")
    answer = look_up([ref])
    price = answer.prices[0]
    assert price is not None
    unit = unit_price(price, answer.version)
    one, many = Usage(50_000, 0, total=50_000), Usage(5_000_000, 0, total=5_000_000)

    assert priced(many, unit).priced == pytest.approx(100 * float(oracle(ref, one).total_price))
    assert float(oracle(ref, many).total_price) > 1.5 * (priced(many, unit).priced or 0.0)
