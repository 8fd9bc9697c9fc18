"""How panes share the rows of a screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfmon.ui.stack import FOCUSED, Wish, share

WISHES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 30)), min_size=1, max_size=6).map(
    lambda pairs: [Wish(str(n), least, least + more if least else 0) for n, (least, more) in enumerate(pairs)]
)


@given(st.integers(0, 60), WISHES, st.integers(0, 5))
def test_nobody_gets_too_much_or_too_little_and_no_row_is_wasted(
    height: int, wishes: list[Wish], focus: int
) -> None:
    given_rows = share(height, wishes, str(focus))
    assert sum(given_rows.values()) <= height
    for wish in wishes:
        if wish.pane in given_rows:
            assert min(wish.least, height) <= given_rows[wish.pane] <= max(wish.most, wish.least)
    if sum(given_rows.values()) < height:
        assert all(given_rows[wish.pane] >= wish.most for wish in wishes if wish.pane in given_rows)


def test_the_pane_with_the_cursor_comes_first() -> None:
    wishes = [Wish("list", 6, 20), Wish("steps", 4, 9), Wish("errors", 2, 9)]
    assert share(12, wishes, "list") == {"list": 8, "steps": 4}
    assert share(12, wishes, "errors")["errors"] == FOCUSED
    assert share(3, wishes, "list") == {"list": 3}
