"""What a profile's run and cost counters grew by, in PromQL."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wfmon.export.rulefile import Recording
from wfmon.model.metrics import Concept
from wfmon.model.record import dataclass
from wfmon.model.run import FAILED, RunStatus
from wfmon.sources.canonical import STATUS_WORDS
from wfmon.sources.profile import Profile, ProfileError
from wfmon.sources.promql import exact_increase, one_of, quote, selector

WORKFLOW = "workflow"


UP = "wfmon:up"
FAILED_TOTAL, FINISHED_TOTAL = "wfmon:runs_failed:total", "wfmon:runs_finished:total"
SUCCEEDED_TOTAL = "wfmon:runs_succeeded:total"
COST_TOTAL = "wfmon:cost_usd:total"


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of a profile, and its label for the workflow."""

    metric: str
    match: str
    workflow: str

    def by_target(self, more: str = "") -> str:
        """Its value by target and workflow. A target resets all its counters at once, so that what is
        added up here still tells resets."""
        match = ",".join(part for part in (self.match.strip(), more) if part)
        series = selector(self.metric, match)
        if self.workflow != WORKFLOW:
            series = f'label_replace({series}, "{WORKFLOW}", "$1", "{self.workflow}", "(.*)")'
        return f"sum by (job, instance, {WORKFLOW}) ({series})"


@dataclass(frozen=True, slots=True)
class RunSeries:
    """Finished runs of workflows; words of a status are matched as wfmon-tui reads them."""

    counter: Counter
    status: str
    failed_words: str
    success_words: str

    def recordings(self) -> tuple[Recording, ...]:
        """The totals that ``increase`` is taken of; cancelled runs are in none of them."""
        totals = (
            (FAILED_TOTAL, self.failed_words),
            (SUCCEEDED_TOTAL, self.success_words),
            (FINISHED_TOTAL, f"{self.failed_words}|{self.success_words}"),
        )
        return tuple(
            Recording(name, self.counter.by_target(f"{self.status}=~{quote(f'(?i:{words})')}"))
            for name, words in totals
        )


def target_recording(metrics: Iterable[str]) -> Recording:
    """Which targets of these metrics were scraped, sampled as the totals are."""
    known = f"group by (job, instance) (last_over_time({{__name__=~{one_of(metrics)}}}[1d]))"
    return Recording(UP, f"up and on (job, instance) {known}")


def increase(total: str, seconds: float) -> str:
    """What a recorded total grew by, by workflow."""
    return f"sum by ({WORKFLOW}) ({exact_increase(total, seconds, up=UP)})"


def run_series(profile: Profile) -> RunSeries:
    """Raises ``ProfileError`` where the profile counts no runs by status."""
    counter = counter_of(profile, Concept.RUNS)
    statuses = profile.labels.get("status", ())
    if counter is None or not statuses:
        raise ProfileError(profile.name, "signals.runs", "counts no runs by status: no rules can be written")
    return RunSeries(
        counter,
        statuses[0],
        _words(profile, FAILED),
        _words(profile, (RunStatus.SUCCESS,)),
    )


def counter_of(profile: Profile, concept: Concept) -> Counter | None:
    """The first counter that the profile names for ``concept``; None where it names none."""
    labels = profile.labels.get(WORKFLOW, ())
    for signal in profile.signals_of(concept):
        if signal.expr is None and labels:
            return Counter(signal.metrics[0], signal.match, labels[0])
    return None


def _words(profile: Profile, statuses: Iterable[RunStatus]) -> str:
    """A pattern (RE2) of the words for these statuses, as ``canonical.fold`` reads them."""
    wanted = frozenset(statuses)
    words = {word for word, status in STATUS_WORDS.items() if status in wanted}
    own = profile.values.get("status", {})
    for status, values in own.items():
        given = {value.casefold().replace("-", "_").replace(" ", "_") for value in values}
        words = words | given if RunStatus(status) in wanted else words - given
    return "|".join(sorted(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", word) for word in words)).replace(
        "_", "[-_ ]"
    )
