"""What is usual for a workflow, from its own past."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Usual:
    """One figure's middle and how many samples tell it. ``spread`` is the median absolute deviation
    (of the natural logarithm where the figure is money)."""

    median: float
    spread: float
    n: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """A figure is None until enough is known of it (``needed`` runs, or hours): never a guess.

    ``n``: finished runs that count (poisoned ones are left out); ``error_ratio`` of ``error_n`` runs.
    Durations in seconds, costs in USD, of one run. ``runs_per_hour`` and ``cost_per_hour`` are those
    of hours like this one (same hour ±1 of the same kind of day, ``hours`` of them). ``since``: the
    oldest run or hour that counts; ``accepted_at``: when somebody accepted a new normal.
    ``last_run_at``: when its newest run that is known
    ended (of an hour of which no single run is known: the end of that hour). ``gap_p50_seconds``: the median
    time between the ends of two successful runs that follow each other, ``gap_max_seconds`` the longest, of
    the ``gap_span_seconds`` that lie between the first and the last of these runs.
    ``hour``: the begin of the hour that figures per hour speak of; ``runs_this_hour``: what three of four of
    just that hour of the day had at least, ``runs_hour_before`` the same of the hour before (None where that
    is of another kind of day). ``watched_since``: from when on a source that tells of its runs was read
    without a hole. ``duration_from``: what the durations are of (``runs``, or ``hourly p95`` where only
    metrics are known); ``durations_since``: the deploy from which on they count. ``left_out``: hours that
    were left out because an alert was firing.
    """

    workflow: str
    n: int = 0
    needed: int = 20
    error_ratio: float | None = None
    error_n: int = 0
    duration_p50_seconds: float | None = None
    duration_p95_seconds: float | None = None
    duration_p99_seconds: float | None = None
    duration_from: str = "runs"
    tokens_p50: float | None = None
    tokens_p95: float | None = None
    cost_p50_usd: float | None = None
    cost_p95_usd: float | None = None
    cost_p99_usd: float | None = None
    hours: int = 0
    runs_per_hour: Usual | None = None
    cost_per_hour: Usual | None = None
    left_out: int = 0
    since: float | None = None
    accepted_at: float | None = None
    last_run_at: float | None = None
    gap_p50_seconds: float | None = None
    gap_max_seconds: float | None = None
    gap_span_seconds: float | None = None
    hour: float | None = None
    runs_this_hour: float | None = None
    runs_hour_before: float | None = None
    watched_since: float | None = None
    durations_since: float | None = None

    @property
    def learning(self) -> bool:
        """Whether there are too few runs to say what is usual."""
        return self.n < self.needed

    @property
    def learning_errors(self) -> bool:
        """Whether there are too few runs to say how many usually fail."""
        return self.error_ratio is None and min(self.n, self.error_n) < self.needed

    @property
    def cost_usd_per_hour(self) -> float | None:
        return None if self.cost_per_hour is None else self.cost_per_hour.median
