"""What of a Prometheus concerns us, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.record import dataclass, field
from wfmon.sources.profile import Profile
from wfmon.sources.targetlabels import TARGET_INFO, TargetLabels

Names = Mapping[str, Mapping[str, str]]  # dim -> id -> name


@dataclass(frozen=True, slots=True)
class Fitting:
    """A profile that fits, and what the server has of it.

    ``names``: sample names that are exposed, also those of other profiles. ``jobs``: who exposes those of
    this one, ``pushed``: which of them have no ``up``. ``known_since``: the server's time of their first
    good scrape, None if none is in the windows. ``tables``: the name tables. ``targets``: the labels that
    series are given with their target. ``quantiles``: of summaries, as their labels spell them; of one that
    is not there nothing is known.
    """

    profile: Profile
    names: frozenset[str]
    jobs: frozenset[str] = frozenset()
    pushed: frozenset[str] = frozenset()
    known_since: float | None = None
    tables: Names = field(default_factory=dict)
    targets: TargetLabels = field(default_factory=lambda: TargetLabels((), ()))
    quantiles: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def joins(self) -> bool:
        """Whether series are read with labels of their targets."""
        return bool(self.profile.target_labels) and TARGET_INFO in self.names

    def asks_as(self, other: Fitting) -> bool:
        """Whether the same questions are made for both."""
        return (self.profile, self.names, self.jobs, self.pushed, self.quantiles) == (
            other.profile,
            other.names,
            other.jobs,
            other.pushed,
            other.quantiles,
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """``fitting``: outermost layer first. ``jobs``: of all of them."""

    fitting: tuple[Fitting, ...] = ()
    jobs: frozenset[str] = frozenset()

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return tuple(each.profile for each in self.fitting)

    @property
    def names(self) -> frozenset[str]:
        return self.fitting[0].names if self.fitting else frozenset()

    def of(self, profile: str) -> Fitting | None:
        return next((each for each in self.fitting if each.profile.name == profile), None)
