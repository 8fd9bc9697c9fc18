"""What is usual for a workflow, in words; ``learning 7/20`` where too little is known to say it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wfmon.model.baseline import Baseline, Usual
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look

AS_USUAL = (1 / 1.5, 1.5)  # a ratio to usual within these is no news
COVERED = 0.9  # of the money that is spent now, so much must have a usual to be held against


def learnt(baseline: Baseline) -> str:
    """``7/20``: runs that are known of those that are needed."""
    return f"{baseline.n if baseline.learning else baseline.error_n}/{baseline.needed}"


def usual_errors(baseline: Baseline | None) -> str:
    """``usual 0.8% (500 runs)``, ``learning 7/20``, or nothing where nothing is known."""
    if baseline is None:
        return ""
    if baseline.error_ratio is not None:
        runs = baseline.error_n or baseline.n
        return f"usual {numbers.percent(baseline.error_ratio)} ({numbers.counted(runs, 'run')})"
    return f"learning {learnt(baseline)}" if baseline.learning_errors else ""


def usual_durations(baseline: Baseline | None, present_p95: float | None) -> str:
    """``usual p50 8.0s  p95 20s  p99 31s, p95 is 2.1x``."""
    if baseline is None:
        return ""
    quantiles = (
        ("p50", baseline.duration_p50_seconds),
        ("p95", baseline.duration_p95_seconds),
        ("p99", baseline.duration_p99_seconds),
    )
    known = [f"{name} {numbers.span(value)}" for name, value in quantiles if value is not None]
    if not known:
        return ""
    usual = baseline.duration_p95_seconds
    ratio = f", p95 is {numbers.times(present_p95 / usual)}" if usual and present_p95 is not None else ""
    return f"usual {'  '.join(known)}{ratio}"


def usual_hour(usual: Usual | None, write: Callable[[float], str], present: float | None) -> str:
    """``usual $1.30/h at this hour (21 hours), 3.2x``."""
    if usual is None:
        return ""
    ratio = f", {numbers.times(present / usual.median)}" if usual.median > 0 and present is not None else ""
    return f"usual {write(usual.median)} at this hour ({numbers.counted(usual.n, 'hour')}){ratio}"


def run_rate(per_hour: float) -> str:
    """In the unit of the screen, per hour where that is few."""
    return f"{numbers.rate(per_hour / 60)}/min" if per_hour >= 60 else f"{numbers.count(per_hour)}/h"


def money_rate(usd_per_hour: float) -> str:
    return f"{numbers.money(usd_per_hour)}/h"


def made_of(look: Look, baseline: Baseline, now: float) -> Sequence[str]:
    """What it was learnt from, what was left out, and since when it counts."""
    learning = baseline.error_ratio is None and baseline.learning
    parts = [f"learning {learnt(baseline)}" if learning else f"of {numbers.counted(baseline.n, 'run')}"]
    if baseline.since is not None:
        parts[0] += f" since {look.minute(baseline.since, now)}"
    if baseline.left_out:
        parts.append(f"{numbers.counted(baseline.left_out, 'hour')} of alerts left out")
    if baseline.accepted_at is not None:
        parts.append(f"new normal accepted {look.minute(baseline.accepted_at, now)}")
    return parts


def cost_to_usual(snapshot: Snapshot) -> float | None:
    """What is spent now as a ratio to what those who spend it usually spend at this hour.

    None where the usual is not known of nearly all of it.
    """
    usd = snapshot.cost.usd_per_hour
    whole = usd if usd is not None else snapshot.totals.cost_usd_per_hour
    if not whole:
        return None
    known = [
        (one.cost_usd_per_hour, usual) for one in snapshot.workflows if (usual := _cost(one)) is not None
    ]
    present = sum(cost for cost, _usual in known if cost is not None)
    usually = sum(usual for cost, usual in known if cost is not None)
    return present / usually if usually > 0 and present >= COVERED * whole else None


def cost_words(ratio: float) -> str:
    """``2.4x usual`` or ``as usual``."""
    return "as usual" if AS_USUAL[0] <= ratio <= AS_USUAL[1] else f"{numbers.times(ratio)} usual"


def _cost(workflow: Workflow) -> float | None:
    return workflow.usual.cost_usd_per_hour if workflow.usual is not None else None
