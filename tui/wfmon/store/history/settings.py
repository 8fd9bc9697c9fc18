"""What is kept, and for how long."""

from __future__ import annotations

from datetime import UTC, tzinfo

from wfmon.config import schema
from wfmon.model.history import Tier
from wfmon.model.record import dataclass
from wfmon.store.thinning import Keeping
from wfmon.text.numbers import find_zone

HOUR = 3600.0
DAY = 86_400.0
TIERS = (Tier(10.0, DAY), Tier(60.0, 7 * DAY), Tier(HOUR, 365 * DAY))
# A window may begin with a look this long before its begin, as Prometheus' lookback has it.
LOOKBACK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """``tiers``: finest first. ``max_bytes``: of the file; beyond it the finest points go first.
    ``keep_runs``: finished runs of each workflow. ``hours_keep``: seconds for which the sums of hours are
    kept by source; then only those of the hour points are. ``looks``: which looks at targets are kept.
    ``zone``: whose days spending is summed up by (None: local), for ``days_keep`` seconds."""

    tiers: tuple[Tier, ...] = TIERS
    max_bytes: int = 500_000_000
    keep_runs: int = 500
    hours_keep: float = 35 * DAY
    looks: Keeping = Keeping.for_windows(300.0, 6 * HOUR, LOOKBACK_SECONDS)
    zone: tzinfo | None = UTC
    days_keep: float = 400 * DAY

    @property
    def longest(self) -> float:
        """Seconds for which anything is kept."""
        return max(tier.keep for tier in self.tiers)

    @classmethod
    def from_config(cls, config: schema.Config) -> HistorySettings:
        history = config.history
        tiers = {tier.step: tier.keep for tier in (history.coarse, history.medium, history.fine)}
        return cls(
            tiers=tuple(Tier(step, tiers[step]) for step in sorted(tiers)),
            max_bytes=history.max_size,
            keep_runs=config.baseline.runs,
            hours_keep=config.baseline.days * DAY,
            looks=Keeping.for_windows(config.windows.runs, config.windows.max, LOOKBACK_SECONDS),
            zone=find_zone(config.cost.timezone or config.ui.timezone),
        )
