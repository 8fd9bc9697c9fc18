from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.spans import Spans

TIMES = st.integers(0, 40)
PAIRS = st.lists(st.tuples(TIMES, TIMES), max_size=8)


@given(PAIRS, TIMES, TIMES)
def test_it_says_what_looking_at_every_pair_says(pairs: list[tuple[int, int]], one: int, other: int) -> None:
    begin, end = sorted((one, other))
    spans = Spans(pairs)
    true = [(a, b) for a, b in pairs if a <= b]
    assert spans.touches(begin, end) == any(a <= end and b >= begin for a, b in true)
    assert spans.holds(one) == any(a <= one <= b for a, b in true)


def test_one_that_has_no_end_goes_on() -> None:
    spans = Spans([(10.0, float("inf"))])
    assert spans.holds(1e12)
    assert not spans.holds(9.9)
