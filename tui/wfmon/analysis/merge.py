"""From what the sources observed to one row per workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from wfmon.analysis.burning import Burning, Logged, first_logs
from wfmon.analysis.choose import Claim, Claims, Value, grown, logs_first
from wfmon.analysis.counting import LOGS, Counting
from wfmon.analysis.observed import ObservedMetrics, ObservedRuns
from wfmon.model.baseline import Baseline
from wfmon.model.metrics import Amount, Concept, Quantiles, TokenKey, TokenKind
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.record import dataclass, field
from wfmon.model.snapshot import LadderStep, Workflow
from wfmon.model.windows import window_ladder

Number = TypeVar("Number", int, float)

# cached and cache_write are inside input, reasoning inside output: adding them would count twice
ADDED_KINDS = frozenset({TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.TOTAL})


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds and runs, as in the config section of the same name."""

    runs: float
    grow_runs: int
    longest: float
    rate: float

    @property
    def ladder(self) -> tuple[float, ...]:
        return window_ladder(self.runs, self.longest)


class Drawn(Protocol):
    """Drawn series by name."""

    def drawn(self, name: str) -> tuple[float | None, ...]: ...


@dataclass(frozen=True, slots=True)
class Extras:
    """What does not come from metrics or logs, by workflow."""

    rss_bytes: Mapping[str, int]
    runbooks: Mapping[str, str]
    error_trends: Drawn
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    slos: Mapping[str, float] = field(default_factory=dict)


def merge_workflows(
    metrics: Sequence[ObservedMetrics],
    claims: Claims,
    logs: Sequence[ObservedRuns],
    windows: Windows,
    extras: Extras,
    money: Mapping[str | None, Burning],
) -> tuple[Workflow, ...]:
    """One row per workflow that any source names, and of each system that does not split its figures
    where there are several; sorted by name. ``money``: see ``burning``."""
    in_logs = first_logs(logs)
    names = {*in_logs, *claims.rests(), *(name for part in metrics for name in part.workflows())}
    return tuple(
        _Row(name, claims, in_logs.get(name), windows).build(extras, money.get(name))
        for name in sorted(names)
    )


def counted_rows(
    workflows: Sequence[Workflow], claims: Claims, logs: Sequence[ObservedRuns], windows: Windows
) -> Sequence[Workflow]:
    """``workflows`` with those figures alone that totals are sums of, and nothing else."""
    if claims.counted is None:
        return workflows
    in_logs = first_logs(logs)
    apart = claims.apart()
    if not all(claims.counting.counts(concept, LOGS) for concept in _FROM_LOGS):
        apart |= in_logs.keys()
    return [
        _Row(row.name, claims.counted, in_logs.get(row.name), windows, claims.counting).counted()
        if row.name in apart
        else row
        for row in workflows
    ]


_FROM_LOGS = (Concept.RUNS, Concept.ACTIVE, Concept.RETRIES, Concept.CALLS, Concept.COST)


_NOT_TOLD = (None, None, None)


class _Row:
    """Collects the figures of one workflow and which source each is from.

    ``only``: logs are left out where they are not counted.
    """

    def __init__(
        self, name: str, claims: Claims, logs: Logged | None, windows: Windows, only: Counting | None = None
    ) -> None:
        self.name = name
        self.claims = claims
        self.logs = logs
        self.windows = windows
        self.only = only
        self.systems_told = claims.counting.systems
        self.choosy = logs is not None and claims.counting.counted is not None
        self.origin: dict[str, str] = {}
        self.systems: dict[str, str] = {}
        self.times: list[float] = []

    def build(self, extras: Extras, money: Burning | None) -> Workflow:
        ladder = self._ladder()
        step = grown(ladder, self.windows.grow_runs) if ladder else None
        known = step is not None and step.covered > 0
        active, at_least = self._active()
        durations = self._durations(step)
        newest = self.logs.index.newest if self.logs else None
        tokens = self._tokens()
        burn, hour = self._money(money)
        retries = self._retries(step)
        calls = self._calls()
        queue, wait, timeouts = self._waiting() if self.claims.waiting else _NOT_TOLD
        rss = extras.rss_bytes.get(self.name)
        return Workflow(
            name=self.name,
            active=active,
            active_at_least=at_least,
            runs=step.counts if step and known else None,
            window_seconds=(step.span or None) if step and known else None,
            runs_per_minute=per_minute(ladder[0].counts.n, ladder[0].span) if ladder else None,
            retries=retries,
            duration_p50_seconds=durations.p50 if durations else None,
            duration_p95_seconds=durations.p95 if durations else None,
            tokens_per_minute=tokens,
            cost_usd_per_hour=burn.least,
            cost_quality=burn.quality,
            api_calls_per_minute=calls,
            last_run_at=newest.ended_at if newest else None,
            last_status=newest.status if newest else None,
            last_error=self.logs.index.newest_error if self.logs else None,
            usual=extras.baselines.get(self.name),
            rss_bytes=rss if rss is not None else self._memory(),
            error_trend=extras.error_trends.drawn(self.name),
            ladder=ladder,
            runbook=extras.runbooks.get(self.name),
            cost_hour_usd=hour.least,
            cost_hour_seconds=money.seconds if money is not None and hour.known else None,
            burn=burn,
            hour=hour,
            slo=extras.slos.get(self.name),
            queue=queue,
            wait_p50_seconds=wait.p50 if wait else None,
            wait_p95_seconds=wait.p95 if wait else None,
            timeouts=timeouts,
            budget_left_usd=self._budget() if self.claims.budget else None,
            origin=tuple(sorted(self.origin.items())),
            sources=tuple(dict.fromkeys(self.origin.values())),
            systems=tuple(self.systems.items()),
            as_of=min(self.times, default=None),
        )

    def counted(self) -> Workflow:
        """The figures that totals add up."""
        ladder = self._ladder()
        active, at_least = self._active()
        return Workflow(
            name=self.name,
            active=active,
            active_at_least=at_least,
            ladder=ladder,
            retries=self._retries(grown(ladder, self.windows.grow_runs) if ladder else None),
            api_calls_per_minute=self._calls(),
        )

    def _from(self, figure: str, source: str, at: float) -> None:
        self.origin[figure] = source
        self.times.append(at)

    def _known(self, figure: str, source: str, at: float, value: Number | None) -> Number | None:
        if value is not None:
            self._from(figure, source, at)
        return value

    def _claimed_by(self, figure: str, claimed: Claim[Value]) -> None:
        part = claimed.part
        self.origin[figure] = part.source
        self.times.append(part.at)
        if self.systems_told:
            self.systems[figure] = part.system

    def _chosen(
        self, concept: Concept, claimed: Claim[Value] | None
    ) -> tuple[Claim[Value] | None, Logged | None]:
        """Who of metrics and of logs may tell the figure, where not everything is counted."""
        logs = self.logs
        if logs is None or (self.only is not None and not self.only.counts(concept, LOGS)):
            return claimed, None
        if claimed is None or concept not in logs.index.concepts:
            return claimed, logs
        return (None, logs) if logs_first(concept, claimed, self.claims.counting) else (claimed, logs)

    def _ladder(self) -> tuple[LadderStep, ...]:
        """From logs when what was read back covers the window, else from whoever covers more."""
        claimed, logs = self.claims.ladders.get(self.name), self.logs
        if self.choosy:
            claimed, logs = self._chosen(Concept.RUNS, claimed)
        if logs is None:
            if claimed is None:
                return ()
            self._claimed_by("runs", claimed)
            return claimed.value
        own = tuple(logs.index.step(logs.at, seconds) for seconds in self.windows.ladder)
        if claimed is not None:
            needed = grown(own, self.windows.grow_runs)
            other = grown(claimed.value, self.windows.grow_runs)
            covers = needed.covered >= needed.seconds and logs.fresh
            if not covers and other.covered >= needed.covered:
                self._claimed_by("runs", claimed)
                return claimed.value
        self._from("runs", logs.source, logs.at)
        return own

    @property
    def _runs_from_logs(self) -> bool:
        return self.logs is not None and self.origin.get("runs") == self.logs.source

    def _active(self) -> tuple[int | None, bool]:
        claimed, logs = self.claims.active.get(self.name), self.logs
        if self.choosy:
            claimed, logs = self._chosen(Concept.ACTIVE, claimed)
        if claimed is not None:
            self._claimed_by("active", claimed)
            return round(claimed.value), False
        if logs is None:
            return None, False
        self._from("active", logs.source, logs.at)
        return len(logs.index.runs.open), not logs.index.runs.open_complete

    def _durations(self, step: LadderStep | None) -> Quantiles | None:
        claimed, logs = self.claims.durations.get(self.name), self.logs
        if self.choosy:
            claimed, logs = self._chosen(Concept.DURATION, claimed)
        from_logs = logs.index.durations(logs.at, step.seconds) if logs and step is not None else None
        if from_logs is not None and from_logs.n and (self._runs_from_logs or claimed is None):
            assert logs is not None
            self._from("duration", logs.source, logs.at)
            return from_logs
        if claimed is not None:
            self._claimed_by("duration", claimed)
            return claimed.value
        return None

    def _retries(self, step: LadderStep | None) -> int | None:
        """From where the runs are from; logs that tell of no retries leave it to the metrics."""
        claimed, logs = self.claims.retries.get(self.name), self.logs
        if self.choosy:
            claimed, logs = self._chosen(Concept.RETRIES, claimed)
        own = logs.index.sums(logs.at, step.seconds).retries if logs and step else None
        if claimed is not None and (own is None or not self._runs_from_logs):
            return self._grown("retries", claimed)
        if logs is None:
            return None
        return self._known("retries", logs.source, logs.at, own)

    def _grown(self, figure: str, claimed: Claim[Amount]) -> int | None:
        delta = claimed.value.delta
        if delta is None:
            return None
        self._claimed_by(figure, claimed)
        return round(delta)

    def _rated(self, figure: str, claimed: Claim[Value], rate: float | None) -> float | None:
        if rate is not None:
            self._claimed_by(figure, claimed)
        return rate

    def _tokens(self) -> float | None:
        claimed, logs = self.claims.tokens.get(self.name), self.logs
        if self.choosy:
            claimed, logs = self._chosen(Concept.TOKENS, claimed)
        if claimed is not None:
            return self._rated("tokens", claimed, per_minute(added_tokens(claimed.value), claimed.covered))
        if logs is None:
            return None
        sums = logs.index.sums(logs.at, self.windows.rate)
        return self._known("tokens", logs.source, logs.at, per_minute(sums.tokens, self._told(logs)))

    def _money(self, money: Burning | None) -> tuple[Money, Money]:
        """Over the rate window, in USD an hour, and of the last hour."""
        if money is None:
            return NO_MONEY, NO_MONEY
        burn = money.burn
        if burn != NO_MONEY:
            if money.claimed is not None:
                self._claimed_by("cost", money.claimed)
            else:
                self._from("cost", money.source, money.at)
        return burn, money.hour

    def _calls(self) -> float | None:
        claimed, logs = self.claims.calls.get(self.name), self.logs
        if self.choosy:
            claimed, logs = self._chosen(Concept.CALLS, claimed)
        if claimed is not None:
            return self._rated("api_calls", claimed, per_minute(grown_by(claimed.value), claimed.covered))
        if logs is None or not logs.index.runs.api_calls:
            return None
        made = logs.index.api_calls(logs.at, self.windows.rate)
        return self._known("api_calls", logs.source, logs.at, per_minute(made, self._told(logs)))

    def _waiting(self) -> tuple[int | None, Quantiles | None, int | None]:
        """How much waits, how long it waited, and what was ended for its age: metrics alone tell."""
        queued = self.claims.queue.get(self.name)
        waited = self.claims.wait.get(self.name)
        ended = self.claims.timeouts.get(self.name)
        if queued is not None:
            self._claimed_by("queue", queued)
        if waited is not None:
            self._claimed_by("wait", waited)
        return (
            None if queued is None else round(queued.value),
            None if waited is None else waited.value,
            None if ended is None else self._grown("timeouts", ended),
        )

    def _budget(self) -> float | None:
        claimed = self.claims.budget.get(self.name)
        if claimed is None:
            return None
        self._claimed_by("budget", claimed)
        return claimed.value

    def _memory(self) -> int | None:
        """As metrics tell it, where the host does not know."""
        claimed = self.claims.memory.get(self.name)
        if claimed is None:
            return None
        self._claimed_by("memory", claimed)
        return round(claimed.value)

    def _told(self, logs: Logged) -> float:
        return logs.index.told(logs.at, self.windows.rate)


def grown_by(amounts: Iterable[tuple[object, Amount]]) -> float | None:
    """Sum of the deltas; None where a part is not known yet."""
    total = 0.0
    for _, amount in amounts:
        if amount.delta is None:
            return None
        total += amount.delta
    return total


def added_tokens(amounts: Iterable[tuple[TokenKey, Amount]]) -> float | None:
    """Growth of the kinds that are no subset of another kind."""
    return grown_by((key, amount) for key, amount in amounts if key.kind in ADDED_KINDS)


def per_minute(value: float | None, covered: float) -> float | None:
    """A rate per minute over the seconds that are known; None of nothing."""
    return None if value is None or covered <= 0 else value * 60.0 / covered


def per_hour(value: float | None, covered: float) -> float | None:
    """A rate per hour over the seconds that are known; None of nothing."""
    return None if value is None or covered <= 0 else value * 3600.0 / covered
