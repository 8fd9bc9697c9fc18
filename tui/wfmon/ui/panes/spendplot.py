"""What was spent in each hour or day, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from wfmon.model.money import Money
from wfmon.model.spend import Slot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.plots import bars
from wfmon.ui.rows import Row
from wfmon.ui.series import Points

WATCHED = 0.5  # of a slot


def spend_plot(
    look: Look,
    width: int,
    height: int,
    slots: Sequence[Slot],
    course: Sequence[Money],
    zone: tzinfo | None,
    limit: float | None,
) -> list[Row]:
    """``limit``: USD that a slot may cost, drawn as a line. Columns above it are marked."""
    values = spent(slots, course)
    over = frozenset(n for n, value in enumerate(values) if limit and value is not None and value > limit)
    return bars(
        look,
        values,
        width,
        height,
        write=numbers.money,
        labels=slot_labels(slots, zone),
        limit=limit,
        marked=over,
    )


def spent(slots: Sequence[Slot], course: Sequence[Money]) -> Points:
    """The least of each slot. One that was watched and tells of no money or token cost nothing, where any
    other tells of money."""
    if not any(money.known for money in course):
        return [None] * len(slots)
    return [0.0 if _idle(slot, money) else money.least for slot, money in zip(slots, course, strict=True)]


def _idle(slot: Slot, money: Money) -> bool:
    watched = slot.known_seconds >= WATCHED * (slot.end - slot.begin)
    return watched and not money.known and not money.unpriced_tokens


def slot_labels(slots: Sequence[Slot], zone: tzinfo | None) -> dict[int, str]:
    """The hour, every third one; or the day, and where it is many of them every Monday."""
    times = [datetime.fromtimestamp(slot.begin, UTC).astimezone(zone) for slot in slots]
    if len(slots) > 1 and slots[1].begin - slots[0].begin < 6 * 3600:
        return {n: f"{at:%H:%M}" for n, at in enumerate(times) if at.hour % 3 == 0}
    if len(slots) <= 8:
        return {n: f"{at:%a %d}" for n, at in enumerate(times)}
    return {n: f"{at:%a %m-%d}" for n, at in enumerate(times) if at.weekday() == 0}
