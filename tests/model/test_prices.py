"""What usage costs, against sums done by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.model.money import NO_MONEY, CostQuality, Money
from wfmon.model.prices import (
    Mix,
    ModelRef,
    Override,
    PriceBook,
    Rates,
    Tier,
    UnitPrice,
    priced,
    retried_money,
    run_money,
    usage_money,
)
from wfmon.model.run import ModelUsage, Run, RunStatus, Usage

SONNET = UnitPrice(
    Rates(3.0, 15.0, 0.3, 3.75), "genai-prices", "claude", (Tier(200_000, Rates(6.0, 22.5, 0.6, 7.5)),)
)
PLAIN = UnitPrice(Rates(1.25, 10.0), "genai-prices", "gpt")


def used(**figures: int | float) -> Usage:
    made = dict(figures)
    if "total" not in made and ("input" in made or "output" in made):
        made["total"] = made.get("input", 0) + made.get("output", 0)
    return Usage(**made)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        # 1,000,000 x 3 + 100,000 x 15 = 3.00 + 1.50
        (used(input=1_000_000, output=100_000), 4.50),
        # cached are part of the input: 600,000 x 3 + 400,000 x 0.30 = 1.80 + 0.12
        (used(input=1_000_000, output=0, cached=400_000), 1.92),
        # and written ones: 500,000 x 3 + 400,000 x 0.30 + 100,000 x 3.75 = 1.50 + 0.12 + 0.375
        (used(input=1_000_000, output=0, cached=400_000, cache_write=100_000), 1.995),
        # reasoning is part of the output and not paid twice: 2,000 x 3 + 10,000 x 15 = 0.006 + 0.15
        (used(input=2_000, output=10_000, reasoning=8_000), 0.156),
        (used(output=10_000), 0.15),
        (used(input=0, output=0), 0.0),
    ],
)
def test_typed_tokens_cost_their_unit_prices(usage: Usage, usd: float) -> None:
    assert priced(usage, SONNET) == Money(priced=pytest.approx(usd))


def test_of_a_source_that_tells_cached_tokens_beside_the_input_none_is_paid_less_than_nothing() -> None:
    """Sources add them up before; what still comes wrong is not counted below zero: 900 x 0.30."""
    assert priced(used(input=500, output=0, cached=900), SONNET).priced == pytest.approx(900 * 0.3 / 1e6)


@pytest.mark.parametrize(
    ("tokens", "single", "usd"),
    [
        (200_000, True, 0.60),  # not above the bar: 200,000 x 3
        (200_001, True, 1.200006),  # every token of the call at the tier: 200,001 x 6
        (200_001, False, 0.600003),  # many calls, of which none may have been that long
    ],
)
def test_the_tier_of_long_contexts_is_for_a_single_call_and_not_for_a_sum(
    tokens: int, single: bool, usd: float
) -> None:
    assert priced(used(input=tokens, output=0), SONNET, single=single).priced == pytest.approx(usd)


def test_of_two_tiers_the_highest_that_is_passed_holds() -> None:
    unit = UnitPrice(Rates(1.0), "", "", (Tier(10, Rates(2.0)), Tier(100, Rates(4.0))))

    assert [unit.of_call(n).input for n in (10, 11, 100, 101)] == [1.0, 2.0, 2.0, 4.0]


def test_without_a_price_for_the_cache_its_tokens_cost_as_input() -> None:
    # 1,000,000 x 1.25
    assert priced(used(input=1_000_000, output=0, cached=400_000), PLAIN).priced == pytest.approx(1.25)


def test_a_model_without_a_price_costs_an_unknown_amount_and_not_nothing() -> None:
    money = priced(used(input=1_000, output=10), None)

    assert money == Money(unpriced_tokens=1_010)
    assert money.least is None
    assert money.quality is CostQuality.UNPRICED


def test_a_kind_without_a_price_makes_all_of_it_unpriced() -> None:
    only_input = UnitPrice(Rates(2.0), "override")

    assert priced(used(input=1_000, output=10), only_input) == Money(unpriced_tokens=1_010)
    assert priced(used(input=1_000, output=0), only_input).priced == pytest.approx(0.002)


def test_tokens_beside_the_typed_ones_make_the_sum_a_lower_bound() -> None:
    money = priced(used(input=1_000, output=0, total=1_500), SONNET)

    assert money == Money(priced=pytest.approx(0.003), unpriced_tokens=500)
    assert money.at_least


def test_untyped_tokens_cost_between_the_least_and_the_dearest_rate() -> None:
    money = priced(used(total=1_000_000), SONNET)

    assert (money.low, money.high) == (pytest.approx(0.3), pytest.approx(15.0))
    assert money.quality is CostQuality.BAND


def test_untyped_tokens_of_a_model_whose_calls_are_known_cost_as_those() -> None:
    money = priced(used(total=2_000_000), SONNET, mix=Mix(4.0, 5.5, 40))

    assert (money.low, money.high) == (pytest.approx(8.0), pytest.approx(11.0))


def test_of_no_usage_and_of_nothing_without_a_price_no_money_is_known() -> None:
    assert priced(Usage(), SONNET) == NO_MONEY
    assert priced(used(input=0, output=0), None) == NO_MONEY


def test_a_batch_has_a_price_of_its_own_or_none() -> None:
    book = PriceBook(
        found={"a/m": UnitPrice(Rates(3.0, 15.0), ""), "a/m@batch": UnitPrice(Rates(1.5, 7.5), "")}
    )
    usage = used(input=1_000_000, output=0)

    assert usage_money(ModelUsage("a", "m", "", usage, None), book).priced == pytest.approx(3.0)
    assert usage_money(ModelUsage("a", "m", "batch", usage, None), book).priced == pytest.approx(1.5)
    assert usage_money(ModelUsage("a", "m", "flex", usage, None), book) == Money(unpriced_tokens=1_000_000)


def test_the_users_price_wins_and_the_first_that_fits_of_his() -> None:
    book = PriceBook(
        (
            Override("gpt-*", Rates(0.5, 1.0), provider="azure"),
            Override("gpt-*", Rates(0.7, 1.0)),
            Override("*", Rates(9.0, 9.0)),
        ),
        found={"azure/gpt-x": PLAIN},
    )

    def input_of(provider: str, model: str) -> float | None:
        unit = book.unit(ModelRef(provider, model))
        return None if unit is None else unit.rates.input

    assert input_of("azure", "gpt-x") == 0.5
    assert input_of("openai", "gpt-x") == 0.7
    assert input_of("", "llama") == 9.0
    assert PriceBook(found=book.found).unit(ModelRef("azure", "gpt-x")) == PLAIN


def run(**told: object) -> Run:
    base: dict[str, object] = {"id": "r", "workflow": "w", "status": RunStatus.SUCCESS}
    return Run(**{**base, **told})  # type: ignore[arg-type]


BOOK = PriceBook(found={"a/m": UnitPrice(Rates(1.0, 2.0), ""), "b/n": None})


def part(provider: str, model: str, **figures: int | float) -> ModelUsage:
    return ModelUsage(provider, model, "", used(**figures), None)


def test_what_a_run_reports_is_what_it_cost() -> None:
    told = run(usage=used(input=10**9, output=0, cost_usd=0.25), parts=(part("a", "m", input=10**9),))

    assert run_money(told, BOOK) == Money(exact=0.25)


def test_a_run_of_two_models_costs_both_and_says_what_has_no_price() -> None:
    told = run(
        usage=used(input=3_000_000, output=0),
        parts=(part("a", "m", input=1_000_000), part("b", "n", input=2_000_000)),
    )

    assert run_money(told, BOOK) == Money(priced=pytest.approx(1.0), unpriced_tokens=2_000_000)


def test_a_retry_of_a_run_that_tells_only_its_whole_cost_has_its_share_of_the_tokens() -> None:
    told = run(
        usage=used(input=800, output=200, cost_usd=2.0), retried=(part("a", "m", input=200, output=50),)
    )

    assert retried_money(told, BOOK) == Money(exact=pytest.approx(0.5))


COUNT = st.one_of(st.none(), st.integers(0, 10**9))
RATE = st.one_of(st.none(), st.floats(0, 1000))


@st.composite
def typed(draw: st.DrawFn) -> Usage:
    into, out = draw(COUNT), draw(COUNT)
    cached = None if into is None else draw(st.one_of(st.none(), st.integers(0, into)))
    written = None if into is None else draw(st.one_of(st.none(), st.integers(0, into - (cached or 0))))
    known = [each for each in (into, out) if each is not None]
    untyped = draw(COUNT) if not known else None
    return Usage(into, out, cached, written, total=sum(known) if known else untyped)


@st.composite
def units(draw: st.DrawFn) -> UnitPrice | None:
    if draw(st.booleans()):
        return UnitPrice(Rates(draw(RATE), draw(RATE), draw(RATE), draw(RATE)), "")
    return None


@given(typed(), units())
def test_every_token_is_priced_or_said_to_be_unpriced_and_none_below_zero(
    usage: Usage, unit: UnitPrice | None
) -> None:
    money = priced(usage, unit)

    assert all(each is None or each >= 0 for each in (money.priced, money.low, money.high))
    if usage.total and unit is None:
        assert money == Money(unpriced_tokens=usage.total)
    if usage.total:
        assert money.known or money.unpriced_tokens == usage.total
    if money.low is not None and money.high is not None:
        assert money.low <= money.high


@given(st.lists(typed(), min_size=1, max_size=5), units())
def test_the_price_of_a_sum_is_the_sum_of_the_prices(usages: list[Usage], unit: UnitPrice | None) -> None:
    every = [each for each in usages if each.input is not None and each.output is not None]

    def whole(name: str) -> int:
        return sum(getattr(each, name) or 0 for each in every)

    if not every:
        return
    at_once = priced(
        used(**{name: whole(name) for name in ("input", "output", "cached", "cache_write", "total")}), unit
    )
    apart = [priced(each, unit) for each in every]
    if all(each.priced is not None for each in apart) and at_once.priced is not None:
        assert at_once.priced == pytest.approx(sum(each.priced or 0 for each in apart), abs=1e-9)
    else:
        assert at_once.unpriced_tokens >= sum(each.unpriced_tokens for each in apart)
