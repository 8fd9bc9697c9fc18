"""Since when a workflow has been failing too often: the rule, asked of the past that its log holds."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.choose import grown
from wfmon.analysis.rules.failure_rate import Moment, tripped
from wfmon.analysis.runindex import RunIndex
from wfmon.model.alert import Finding
from wfmon.model.baseline import Baseline
from wfmon.model.record import dataclass, replace
from wfmon.model.settings import FailureRateSettings

MOST_RUNS = 1000  # that are looked back over; beyond it the begin is "or earlier"


@dataclass(frozen=True, slots=True)
class Past:
    """The finished runs of one workflow as its log told them at ``at`` (POSIX seconds).

    ``windows``: the ladder in seconds, shortest first; ``grow_runs``: see ``choose.grown``.
    """

    at: float
    index: RunIndex
    windows: Sequence[float]
    grow_runs: int


def backdated(
    finding: Finding,
    past: Past,
    settings: FailureRateSettings,
    cleared: float | None = None,
    usual: Baseline | None = None,
) -> Finding:
    """The finding with the moment from which it has held without a break, as far as the log reaches.

    The rule is asked again at the end of each run, the newest first, until it did not trip. ``cleared``:
    when the episode before this one ended; what failed in that one is no begin of this one. ``usual``: what
    the rule was given as such.
    """
    since: float | None = None
    known = True
    for end in past.index.ends_before(past.at, MOST_RUNS):
        if cleared is not None and end <= cleared:
            known = True
            break
        windows = [seconds for seconds in past.windows[1:] if cleared is None or end - seconds >= cleared]
        ladder = tuple(past.index.step(end, seconds) for seconds in (past.windows[0], *windows))
        # Of a moment whose window the log does not fill, it cannot be said that nothing was wrong.
        known = ladder[0].covered >= ladder[0].seconds
        moment = Moment(end, ladder, grown(ladder, past.grow_runs), usual, past.index, cleared)
        if not tripped(moment, finding.severity, settings):
            break
        since = end
    else:
        known = known and len(past.index.runs.finished) < MOST_RUNS
    return finding if since is None else replace(finding, since=since, since_at_least=not known)
