"""What counters grew by, in the keys of the model: for sums that outlive the process."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from wfmon.model.metrics import Amount, CostKey, RunKey, TokenKey, TokenKind
from wfmon.model.record import dataclass, field
from wfmon.sources.canonical import settle_tokens
from wfmon.sources.feeds import Feeds, SumKey
from wfmon.sources.profile import Profile
from wfmon.sources.series import Series


@dataclass(slots=True)
class Sums:
    """Runs, tokens and cost while they are added up; only what grew is there. ``there``: of tokens and cost
    what had a series, whether or not it grew."""

    runs: dict[RunKey, float] = field(default_factory=dict)
    tokens: dict[TokenKey, float] = field(default_factory=dict)
    cost: dict[CostKey, float] = field(default_factory=dict)
    there: set[TokenKey | CostKey] = field(default_factory=set)

    def add(self, key: SumKey, amount: float) -> None:
        if isinstance(key, RunKey):
            self.runs[key] = self.runs.get(key, 0.0) + amount
        elif isinstance(key, TokenKey):
            self.tokens[key] = self.tokens.get(key, 0.0) + amount
        else:
            self.cost[key] = self.cost.get(key, 0.0) + amount

    def settled_tokens(
        self, owner: Profile | None, known: Collection[TokenKey] = ()
    ) -> dict[TokenKey, float]:
        """The tokens in the one form of the model (``settle_tokens``).

        ``known``: keys that the source also has, whether or not they grew, so that a total beside its
        parts is left out also where only the total grew.
        """
        if owner is None or not self.tokens:
            return self.tokens
        if "disjoint" not in owner.tokens.values() and all(
            key.kind is not TokenKind.TOTAL for key in self.tokens
        ):
            return self.tokens
        amounts = {key: Amount(0.0, None) for key in known if key.kind is not TokenKind.TOTAL}
        amounts.update((key, Amount(grown, None)) for key, grown in self.tokens.items())
        settled = settle_tokens(amounts, owner)
        return {key: amount.delta for key, amount in settled.items() if amount.delta}


def add_steps_by_profile(sums: dict[str, Sums], steps: Iterable[tuple[Series, float]], feeds: Feeds) -> None:
    """What counters grew by, each profile apart: two of them may tell of the same."""
    for series, step in steps:
        for feed, _ in feeds.of(series):
            if feed.sum_key is not None:
                sums.setdefault(feed.profile, Sums()).add(feed.sum_key, step * feed.scale)
