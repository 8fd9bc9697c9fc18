"""Sums of what was spent: the parts add up to the whole, and unknown never becomes zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.accounts import Ledger, cell_money
from wfmon.model.money import Money
from wfmon.model.prices import Mix, Override, PriceBook, Rates, UnitPrice
from wfmon.model.spend import Amounts, Outcome, Priced, RunCount, Slot, SpendCell, Spending, SpendKey

BOOK = PriceBook(
    overrides=(Override("own*", Rates(1.0, 2.0)),),
    found={"p/typed": UnitPrice(Rates(3.0, 15.0, 0.3, 3.75), "t"), "p/none": None},
    mixes={"p/mixed": Mix(2.0, 4.0, 50)},
)


def cell(
    workflow: str, model: str, amounts: Amounts, *, outcome: Outcome = Outcome.GOOD, provider: str = "p",
    service: str = "", **flags: bool,
) -> SpendCell:  # fmt: skip
    return SpendCell(SpendKey(workflow, provider, model, service, outcome), amounts, **flags)


def ledger(*cells: SpendCell, **more: object) -> Ledger:
    return Ledger(Priced(Spending(0.0, 3600.0, cells, **more), BOOK))  # type: ignore[arg-type]


def test_money_of_one_cell_by_hand() -> None:
    """1 M fresh at 3, 1 M cached at 0.30, 1 M written at 3.75 and 1 M out at 15 USD."""
    typed = Amounts(input=3e6, output=1e6, cached=1e6, cache_write=1e6)
    assert cell_money(cell("w", "typed", typed), BOOK) == Money(priced=pytest.approx(22.05))
    assert cell_money(cell("w", "own-7b", typed), BOOK) == Money(priced=pytest.approx(5.0))
    assert cell_money(cell("w", "none", typed), BOOK) == Money(unpriced_tokens=4e6)
    assert cell_money(cell("w", "typed", Amounts(input=3e6, usd=0.5)), BOOK) == Money(exact=0.5)
    assert cell_money(cell("w", "typed", typed, paid=True), BOOK) == Money()
    assert cell_money(cell("w", "typed", Amounts(untyped=1e6)), BOOK) == Money(low=0.3, high=15.0)
    assert cell_money(cell("w", "typed", Amounts()), BOOK) == Money()


def test_waste_and_what_a_success_costs() -> None:
    found = ledger(
        cell("a", "x", Amounts(usd=6.0)),
        cell("a", "x", Amounts(usd=2.0), outcome=Outcome.WASTED),
        cell("b", "x", Amounts(usd=4.0), outcome=Outcome.UNKNOWN),
        runs={"a": RunCount(10, 2), "b": RunCount(4, 4)},
    )
    assert found.money() == Money(exact=12.0)
    assert (found.wasted(), found.waste_share()) == (Money(exact=2.0), 0.25)
    assert found.per_success() == Money(exact=1.5)
    first, second = found.by("workflow")
    assert (first.name, first.money, first.wasted, first.per_success) == (
        "a", Money(exact=8.0), Money(exact=2.0), Money(exact=1.0),
    )  # fmt: skip
    assert second.per_success is None, "nothing succeeded"
    assert ledger(cell("b", "x", Amounts(usd=4.0), outcome=Outcome.UNKNOWN)).waste_share() is None


def test_waste_is_what_logs_tell_of_it_also_where_counters_tell_the_money() -> None:
    found = ledger(
        cell("w", "x", Amounts(usd=10.0), outcome=Outcome.UNKNOWN),
        cell("w", "x", Amounts(usd=6.0), money=False, tokens=False),
        cell("w", "x", Amounts(usd=2.0), outcome=Outcome.WASTED, money=False, tokens=False),
    )
    assert found.money() == Money(exact=10.0)
    assert (found.wasted(), found.waste_share()) == (Money(exact=2.0), 0.25)
    assert found.by("workflow")[0].wasted == Money(exact=2.0)


def test_what_is_told_twice_is_beside_the_sum() -> None:
    found = ledger(
        cell("", "x", Amounts(usd=4.0, input=10.0)),
        cell("w", "x", Amounts(usd=3.0, input=9.0), tokens=False, money=False),
    )
    assert found.money() == Money(exact=4.0)
    assert [(line.name, line.counted) for line in found.by("workflow")] == [("", True), ("w", False)]
    assert [(line.name, line.counted) for line in found.by("model")] == [("x", True)]


def test_tokens_of_counters_and_money_of_logs_meet_in_a_model() -> None:
    found = ledger(
        cell("", "x", Amounts(untyped=100.0), money=False, outcome=Outcome.UNKNOWN),
        cell("w", "x", Amounts(untyped=90.0, usd=1.0), tokens=False),
    )
    assert found.amounts().tokens == 100.0
    assert found.amounts().usd == 1.0
    (model,) = found.by("model")
    assert (model.money, model.amounts.tokens) == (Money(exact=1.0), 100.0)
    (workflow,) = found.by("workflow")
    assert (workflow.name, workflow.amounts.tokens) == ("w", 90.0)


def test_the_share_that_was_read_from_a_cache() -> None:
    found = ledger(
        cell("w", "x", Amounts(input=100.0, cached=80.0)), cell("w", "y", Amounts(input=900.0, output=1.0))
    )
    assert found.cache_hit() == 0.8, "what tells no cache is left out"
    assert ledger(cell("w", "y", Amounts(input=900.0))).cache_hit() is None


def test_a_service_is_a_line_of_its_own() -> None:
    found = ledger(cell("w", "x", Amounts(usd=2.0)), cell("w", "x", Amounts(usd=1.0), service="batch"))
    assert [line.name for line in found.by("model")] == ["x", "x · batch"]


_AMOUNTS = st.builds(
    Amounts,
    input=st.none() | st.integers(0, 10**7).map(float),
    output=st.none() | st.integers(0, 10**7).map(float),
    untyped=st.none() | st.integers(0, 10**7).map(float),
    usd=st.none() | st.integers(0, 1000).map(float),
)
_CELLS = st.lists(
    st.builds(
        cell,
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["typed", "own", "none", "mixed", ""]),
        _AMOUNTS,
        outcome=st.sampled_from(list(Outcome)),
        provider=st.sampled_from(["", "p", "q"]),
        tokens=st.booleans(),
        money=st.booleans(),
        paid=st.booleans(),
    ),
    max_size=10,
)


@given(_CELLS)
def test_lines_add_up_to_the_whole_and_nothing_is_negative(cells: list[SpendCell]) -> None:
    found = ledger(*cells, slots=(Slot(0.0, 3600.0, 3600.0, tuple(cells)),))
    whole = found.money()
    for dimension in ("workflow", "model", "provider"):
        lines = [line for line in found.by(dimension) if line.counted]
        assert sum(line.money.least or 0.0 for line in lines) == pytest.approx(whole.least or 0.0)
        assert sum(line.money.most or 0.0 for line in lines) == pytest.approx(whole.most or 0.0)
        assert sum(line.money.unpriced_tokens for line in lines) == pytest.approx(whole.unpriced_tokens)
        for line in lines:
            assert 0 <= (line.money.least or 0.0) <= (line.money.most or 0.0) + 1e-9
            assert line.share is None or 0 <= line.share <= 1 + 1e-9
    (slot,) = found.course()
    assert (slot.least or 0.0) == pytest.approx(whole.least or 0.0)
    share = found.waste_share()
    assert share is None or 0 <= share <= 1 + 1e-9


@given(_CELLS)
def test_unknown_never_becomes_zero(cells: list[SpendCell]) -> None:
    """Money is known in USD only where something was reported, or tokens have a price."""
    whole = ledger(*cells).money()
    known = any(
        each.money and (each.amounts.usd is not None or (not each.paid and BOOK.unit(each.key.ref)))
        for each in cells
    )
    assert known or not whole.known
