"""Rule ``cost_spike`` over what is known: whose cost is not seen now, and what it went to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wfmon.analysis.burning import spent_on
from wfmon.analysis.rules import cost_spike
from wfmon.model.alert import Finding
from wfmon.monitor.picture import silent_sources

if TYPE_CHECKING:
    from wfmon.monitor.rulebook import Known


def cost_spikes(known: Known) -> tuple[Finding, ...]:
    picture = known.picture
    silent = silent_sources(picture)
    costless = (
        frozenset(row.name for row in picture.workflows if dict(row.origin).get("cost") in silent)
        if silent
        else frozenset()
    )

    def parts(workflow: str) -> Sequence[tuple[str, float]]:
        return spent_on(picture.money.get(workflow), picture.logs)

    return cost_spike.evaluate(
        picture.workflows,
        picture.totals,
        known.rules.cost_spike,
        known.rules.limits,
        known.now,
        unseen=known.unseen | costless,
        spent_on=parts,
    )
