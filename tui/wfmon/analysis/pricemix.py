"""What a token of a model usually costs where its direction is not told: from calls that told it."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.quantile import quantile
from wfmon.model.prices import PER, Mix, ModelRef, PriceBook, parts_of, priced

LEAST = 20  # runs of a model
SECONDS = 7 * 86_400.0
MOST = 500  # newest runs of a workflow that are looked at


def mixes_of(logs: Sequence[ObservedRuns], book: PriceBook, now: float) -> dict[str, Mix]:
    """By ``ModelRef.id`` the p10 and p90 of USD per million tokens of runs whose usage has a direction."""
    blended: dict[str, list[float]] = {}
    for source in logs:
        for index in source.indexes.values():
            for run in index.within(now, SECONDS)[-MOST:]:
                for part in parts_of(run):
                    usage = part.usage
                    tokens = (usage.input or 0) + (usage.output or 0)
                    unit = book.unit(ModelRef(part.provider, part.model, part.service))
                    if not tokens or usage.input is None or usage.output is None or unit is None:
                        continue
                    usd = priced(usage, unit).priced
                    if usd is not None:
                        name = ModelRef(part.provider, part.model, part.service).id
                        blended.setdefault(name, []).append(usd / tokens * PER)
    return {
        name: Mix(quantile(each, 0.1) or 0.0, quantile(each, 0.9) or 0.0, len(each))
        for name, found in blended.items()
        if len(found) >= LEAST and (each := sorted(found))
    }
