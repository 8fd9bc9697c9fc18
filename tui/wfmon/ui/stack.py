"""How panes above each other share the rows of a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfmon.model.record import dataclass

FOCUSED = 8  # rows that the pane with the cursor gets at least, where it can use them


@dataclass(frozen=True, slots=True)
class Wish:
    """A pane is of use from ``least`` rows on, its title included, and can use ``most``."""

    pane: str
    least: int
    most: int


def share(height: int, wishes: Sequence[Wish], focus: str) -> Mapping[str, int]:
    """Rows by pane: first to the one with the ``focus``, then in the order of ``wishes``; who does not get
    its least gets nothing. What is left over goes round, a row each."""
    order = sorted(wishes, key=lambda wish: wish.pane != focus)
    given: dict[str, int] = {}
    left = height
    for wish in order:
        least = wish.least
        if wish.pane == focus:
            least = min(height, max(wish.least, min(wish.most, FOCUSED)))
        if 0 < least <= left:
            given[wish.pane] = least
            left -= least
    growing = [wish for wish in order if wish.pane in given]
    while left and growing:
        growing = [wish for wish in growing if given[wish.pane] < wish.most]
        for wish in growing[:left]:
            given[wish.pane] += 1
            left -= 1
    return given
