"""What the rules about running runs have in common: one alert per workflow, its runs are the members."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from wfmon.analysis.words import plural
from wfmon.model.alert import Finding, Severity
from wfmon.model.record import dataclass
from wfmon.model.run import Run, Step

MOST_MEMBERS = 50
MOST_CONTRIBUTORS = 5
_ID_CHARS = 24


@dataclass(frozen=True, slots=True)
class Over:
    """A run beyond ``limit``; ``value`` is in the rule's unit, ``since``: when it passed it (None: not
    known), ``why``: whose limit that is."""

    run: Run
    value: float
    limit: float
    why: str
    since: float | None = None

    @property
    def weight(self) -> tuple[float, float, str]:
        """The worst is the one furthest beyond its own limit."""
        return (self.value / self.limit if self.limit > 0 else self.value, self.value, self.run.id)


def elapsed(run: Run, now: float) -> float | None:
    """Seconds since it began; at least so many where its log does not reach back to its begin."""
    return None if run.started_at is None else max(0.0, now - run.started_at)


def worst_first(over: Sequence[Over]) -> list[Over]:
    return sorted(over, key=lambda each: each.weight, reverse=True)


def members(over: Sequence[Over]) -> tuple[str, ...]:
    """Sorted ids; of more than ``MOST_MEMBERS`` those that have been over for the longest."""
    if len(over) > MOST_MEMBERS:
        over = sorted(over, key=lambda each: each.run.started_at or 0.0)[:MOST_MEMBERS]
    return tuple(sorted(each.run.id for each in over))


def open_step(run: Run) -> Step | None:
    """The step that began last of those that go on."""
    going = [step for step in run.steps if step.ended_at is None]
    return max(going, key=lambda step: step.started_at or 0.0, default=None)


def where(each: Over, amount: str) -> str:
    """One run in a few words: ``a1b2: 42m in extract``."""
    name = each.run.id if len(each.run.id) <= _ID_CHARS else each.run.id[: _ID_CHARS - 1] + "…"
    step = open_step(each.run)
    return f"{name}: {amount}" if step is None else f"{name}: {amount} in {step.name[:48]}"


def counted(over: Sequence[Over], verb: str) -> str:
    """``3 runs stalled``; empty for one, of which nothing needs to be counted."""
    return f"{plural(len(over), 'run')} {verb}, " if len(over) > 1 else ""


@lru_cache(maxsize=16384)
def calm(
    rule: str,
    workflow: str,
    severity: Severity,
    unit: str,
    summary: str,
    *,
    holds: bool | None = False,
    learning: bool = False,
    between: bool = False,
    for_seconds: float = 0.0,
    runbook: str | None = None,
) -> Finding:
    """A finding without a figure: most of them, most of the time, so they are made once."""
    return Finding(
        rule=rule,
        labels=(("workflow", workflow),),
        severity=severity,
        holds=holds,
        summary=summary,
        workflow=workflow,
        unit=unit,
        for_seconds=for_seconds,
        learning=learning,
        between=between,
        runbook=runbook,
    )


def no_baseline(n: int) -> str:
    return f"no baseline (n={n})"
