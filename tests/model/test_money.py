"""Amounts of money that say how true they are: sums keep every part, and what is not known stays unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.model.money import NO_MONEY, CostQuality, Money, of_truth, total, truth

USD = st.one_of(st.none(), st.floats(0, 1e6))


@st.composite
def moneys(draw: st.DrawFn) -> Money:
    low = draw(USD)
    high = None if low is None else low + draw(st.floats(0, 1e6))
    tokens = draw(st.one_of(st.just(0.0), st.floats(1, 1e9)))
    return Money(draw(USD), draw(USD), low, high, tokens, draw(st.booleans()))


@given(st.lists(moneys(), max_size=6))
def test_a_sum_holds_every_part_and_is_never_negative(amounts: list[Money]) -> None:
    every = total(amounts)

    for name in ("exact", "priced", "low", "high"):
        parts = [part for each in amounts if (part := getattr(each, name)) is not None]
        assert getattr(every, name) == (pytest.approx(sum(parts)) if parts else None)
    assert every.unpriced_tokens == pytest.approx(sum(each.unpriced_tokens for each in amounts))
    if every.least is not None and every.most is not None:
        assert 0 <= every.least <= every.most or every.least == pytest.approx(every.most)


@given(st.lists(moneys(), max_size=6))
def test_a_sum_is_known_only_where_a_part_is(amounts: list[Money]) -> None:
    every = total(amounts)

    assert every.known is any(each.known for each in amounts)
    assert (every.least is None) is (not every.known)
    left_out = any(each.unpriced_tokens or each.partial for each in amounts)
    assert every.at_least is (every.known and left_out)


def test_of_nothing_nothing_is_known() -> None:
    assert total([]) == NO_MONEY
    assert NO_MONEY.least is None
    assert NO_MONEY.most is None
    assert NO_MONEY.quality is None
    assert not NO_MONEY.at_least


@pytest.mark.parametrize(
    ("money", "quality"),
    [
        (Money(exact=1.0), CostQuality.EXACT),
        (Money(exact=1.0, priced=0.1), CostQuality.PRICED),
        (Money(exact=1.0, priced=0.1, low=0.1, high=0.2), CostQuality.BAND),
        (Money(unpriced_tokens=5.0), CostQuality.UNPRICED),
        (Money(exact=1.0, unpriced_tokens=5.0), CostQuality.EXACT),
    ],
)
def test_it_is_as_true_as_its_least_true_part(money: Money, quality: CostQuality) -> None:
    assert money.quality is quality


def test_tokens_without_a_price_beside_known_money_make_it_a_lower_bound() -> None:
    assert (Money(exact=1.0) + Money(unpriced_tokens=1.0)).at_least
    assert not Money(exact=1.0).at_least


@given(moneys())
def test_what_is_kept_of_it_says_no_more_than_it_said(money: Money) -> None:
    kept = of_truth(money.least, truth(money))

    assert kept.least == (None if money.least is None else pytest.approx(money.least))
    if money.known:
        assert kept.at_least is (money.at_least or money.low is not None)
        assert (kept.quality is CostQuality.EXACT) is (money.quality is CostQuality.EXACT)
