"""Availability against what is declared: how many failures are allowed, how many are spent.

Request-based, as in the Google SRE workbook, chapter 2: the indicator is good runs / counted runs, the
error budget of n runs is (1 - target) * n failures.
"""

from __future__ import annotations

from wfmon.model.record import dataclass
from wfmon.model.spend import RunCount

_EXACT = 1e-9  # of a failure: what binary fractions leave of (1 - 0.99) * 100


@dataclass(frozen=True, slots=True)
class Availability:
    """``success`` of ``runs`` runs, against ``target`` (0..1). ``allowed``: so many of them may fail; not a
    whole number where there are few. ``spent``: the share of the allowed failures that ``failures`` are:
    above 1 the target is missed; None where none is allowed and none happened."""

    runs: float
    failures: float
    success: float
    target: float

    @property
    def allowed(self) -> float:
        return self.runs * (1.0 - self.target)

    @property
    def left(self) -> float:
        """Failures that may still happen; negative where there were more than allowed."""
        return self.allowed - self.failures

    @property
    def spent(self) -> float | None:
        if self.allowed > _EXACT:
            return self.failures / self.allowed
        return None if self.failures <= 0 else float("inf")

    @property
    def met(self) -> bool:
        return self.failures <= self.allowed + _EXACT


def availability(runs: RunCount | None, target: float | None) -> Availability | None:
    """None where nothing ran, it is not known, or nothing is declared: a ratio of nothing is unknown.

    >>> availability(RunCount(12_400, 98), 0.99).spent < 1
    True
    """
    share = success_share(runs)
    if runs is None or share is None or target is None or not 0.0 < target <= 1.0:
        return None
    return Availability(runs.runs, runs.failures, share, target)


def success_share(runs: RunCount | None) -> float | None:
    """Of finished runs those that succeeded, 0..1; None of nothing."""
    if runs is None or runs.runs <= 0:
        return None
    return min(1.0, max(0.0, 1.0 - runs.failures / runs.runs))


def both(one: RunCount | None, other: RunCount | None) -> RunCount | None:
    """The sum; what is not known adds nothing, of nothing known nothing is known."""
    if one is None or other is None:
        return one or other
    return RunCount(one.runs + other.runs, one.failures + other.failures)
