"""Windows of past moments from counts of short steps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from wfmon.model.pastcounts import PastCounts
from wfmon.model.record import dataclass
from wfmon.model.run import FAILED, RunStatus
from wfmon.model.snapshot import LadderStep, StatusCounts

_COLUMNS = (
    RunStatus.SUCCESS,
    RunStatus.ERROR,
    RunStatus.TIMEOUT,
    RunStatus.CANCELLED,
    RunStatus.LOST,
    RunStatus.OTHER,
)


@dataclass(frozen=True, slots=True)
class CountedPast:
    """The finished runs of one workflow. ``sums``: of each status in the order of ``StatusCounts`` how many
    ended up to the n-th of ``times``, n = 0 being before the first."""

    times: tuple[float, ...]
    sums: tuple[tuple[float, ...], ...]
    watched: tuple[tuple[float, float], ...]
    step_seconds: float

    def step(self, now: float, seconds: float) -> LadderStep:
        """What is known of (now - seconds, now], to a step."""
        low, high = bisect_right(self.times, now - seconds), bisect_right(self.times, now)
        counts = StatusCounts(*(round(column[high] - column[low]) for column in self.sums))
        return LadderStep(seconds, self.covered(now, seconds), counts)

    def covered(self, now: float, seconds: float) -> float:
        """How much of the window up to ``now`` was watched without a gap, in seconds."""
        for begin, end in reversed(self.watched):
            if begin <= now:
                return min(seconds, now - begin) if now <= end + self.step_seconds else 0.0
        return 0.0

    @property
    def failures(self) -> float:
        return sum(column[-1] for status, column in zip(_COLUMNS, self.sums, strict=True) if status in FAILED)


def counted_pasts(past: PastCounts, aliases: Mapping[str, str]) -> dict[str, CountedPast]:
    """By workflow; those that have one name are one."""
    grown: dict[str, dict[RunStatus, list[float]]] = {}
    for key, counts in past.counts.items():
        if key.workflow is None:
            continue
        name = aliases.get(key.workflow, key.workflow)
        columns = grown.setdefault(name, {})
        before = columns.get(key.status)
        columns[key.status] = [a + b for a, b in zip(before or [0.0] * len(counts), counts, strict=True)]
    nothing = [0.0] * len(past.times)
    return {
        name: CountedPast(
            past.times,
            tuple(_sums(columns.get(status, nothing)) for status in _COLUMNS),
            past.watched,
            past.step,
        )
        for name, columns in grown.items()
    }


def _sums(counts: Sequence[float]) -> tuple[float, ...]:
    return tuple(accumulate(counts, initial=0.0))
