"""Rule ``silence``: a workflow that should have run did not (alerting-and-burn 4.7).

Three tests, of which the first that applies decides:

- declared: no success for longer than the config allows (``max_gap``); critical, and then the only test;
- by rate: no run, none open, where so many are usual at this time of the day that a Poisson process would
  begin such a silence in an hour with a chance of at most ``p_zero``: of its ``rate`` gaps an hour one is
  that long with the chance exp(-expected), so expected >= ln(rate / p_zero). (With exp(-expected) alone
  60 runs an hour are silent for too long 16 times a month.) What is usual at this hour is not said of
  others: only this hour and the one before it count;
- by gap: no success for ``gap_factor`` times the usual gap, and for half as long again as the longest gap
  there was within a week at least (for three times as long where only a day is known, which may have been
  a busy one; of less nothing is said). The median alone would be no bound: of gaps of a Poisson process
  one in four is longer than twice their median.

Runs that end but fail are the matter of rule ``failure_rate``, not of the last test.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf, log
from typing import TYPE_CHECKING

from wfmon.analysis.openruns import calm, no_baseline
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.words import span
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.record import dataclass, replace
from wfmon.model.run import Run
from wfmon.model.settings import Limits, SilenceSettings
from wfmon.model.snapshot import Workflow

if TYPE_CHECKING:
    from wfmon.analysis.lifesigns import Life

RULE = "silence"
UNIT = "seconds"
HOUR = 3600.0
# Of the longest gap there was, by how long the runs span that tell it: nights and weekends have longer ones.
LONGEST_FACTORS = ((7 * 86_400.0, 1.5), (86_400.0, 3.0))
FAILING = 3  # so many failures since the last success are no silence
MISSED_SECONDS = 7 * 86_400.0  # what was told of longer ago is not waited for
GONE_FOR_SECONDS = 120.0  # a source that has just begun to answer may not have told of all


@dataclass(frozen=True, slots=True)
class Silence:
    """What one test says. ``began``: the last sign of life (None: none is known), ``begin``: from when on the
    silence was watched, ``due_at``: when that becomes too long, ``owed_at``: when it would have, had somebody
    watched from ``began`` on. None: not within the time that the test can speak of, or nobody watches."""

    began: float | None
    begin: float | None
    due_at: float | None
    owed_at: float | None
    what: str
    words: str


@dataclass(frozen=True, slots=True)
class Subject:
    """``open_since``: since when an alert of it is open; None: none is."""

    name: str
    usual: Baseline | None
    gap_seconds: float | None
    runbook: str | None
    open_since: float | None
    gone: bool = False


def evaluate(
    rows: Sequence[Workflow],
    settings: SilenceSettings,
    now: float,
    *,
    baselines: Mapping[str, Baseline],
    limits: Limits,
    indexes: Mapping[str, RunIndex],
    open_runs: Mapping[str, Sequence[Run]],
    unseen: Collection[str] = (),
    answering: bool = True,
    open_since: Mapping[str, float] | None = None,
) -> tuple[Finding, ...]:
    """One finding per workflow whose runs are told of, and one per workflow with a baseline that nobody
    tells of any more.

    ``indexes``: of workflows whose runs are counted from logs; ``unseen``: whose source does not answer
    now; ``answering``: every source that tells of runs answers whole; ``open_since``: since when the alert
    of this rule is open, by workflow.
    """
    if not settings.enabled:
        return ()
    opened = open_since or {}
    findings = []
    shown = set()
    for row in rows:
        name = row.name
        shown.add(name)
        if not row.ladder:
            continue
        declared = limits.get(name)
        gap = declared.gap_seconds if declared is not None else None
        subject = Subject(name, baselines.get(name), gap, row.runbook, opened.get(name))
        if name in unseen:
            findings.append(_calm(subject, "no data", holds=None))
        elif row.ladder[0].counts.success and (gap is None or gap >= row.ladder[0].seconds):
            findings.append(_calm(subject, "runs"))
        else:
            from wfmon.analysis.lifesigns import of_logs, of_windows

            index = indexes.get(name)
            runs = open_runs.get(name, ())
            life = (
                of_windows(row, subject.usual, now)
                if index is None
                else of_logs(index, runs, subject.usual, now)
            )
            findings.append(_judge(subject, life, settings, now))
    missed = (each for name, each in baselines.items() if name not in shown)
    findings += _gone(missed, settings, now, limits, answering, opened)
    return tuple(findings)


def reached(usual: Baseline, since: float, runs: float) -> float | None:
    """When so many runs should have ended since ``since``, by what is usual at the baseline's hour and the
    one before it; None: not within these two hours, or it is not known."""
    hour = usual.hour
    if hour is None or usual.runs_this_hour is None:
        return None
    left = runs
    for begin, rate in ((hour - HOUR, usual.runs_hour_before or 0.0), (hour, usual.runs_this_hour)):
        start = max(since, begin)
        within = rate * max(0.0, begin + HOUR - start) / HOUR
        if rate > 0 and within >= left:
            return start + left * HOUR / rate
        left -= within
    return None


def _gone(
    missed: Iterable[Baseline],
    settings: SilenceSettings,
    now: float,
    limits: Limits,
    answering: bool,
    opened: Mapping[str, float],
) -> list[Finding]:
    """Of workflows that nobody tells of: a series is gone after a restart, a log after a rotation."""
    findings = []
    for usual in missed:
        name = usual.workflow
        if usual.last_run_at is None or now - usual.last_run_at > MISSED_SECONDS:
            continue
        declared = limits.get(name)
        gap = declared.gap_seconds if declared is not None else None
        subject = Subject(name, usual, gap, None, opened.get(name), gone=True)
        if answering:
            from wfmon.analysis.lifesigns import of_history

            findings.append(_judge(subject, of_history(usual, now), settings, now))
        elif subject.open_since is not None:
            findings.append(_calm(subject, "no data", holds=None))
    return findings


def _judge(subject: Subject, life: Life, settings: SilenceSettings, now: float) -> Finding:
    tests = _tests(subject, life, settings)
    for silence in tests:
        if silence.due_at is not None and silence.due_at < now:
            return _finding(subject, silence, now)
    for silence in tests:
        if silence.owed_at is not None and silence.owed_at < now:
            watched = 0.0 if silence.begin is None else max(0.0, now - silence.begin)
            words = f"not watched for long enough to tell ({span(watched)})"
            if subject.open_since is not None:
                return _calm(subject, words, holds=None)
            return _calm(subject, words, learning=True)
    if not tests and _knows_nothing(subject.usual):
        n = 0 if subject.usual is None else subject.usual.n
        return _calm(subject, no_baseline(n), learning=True)
    alive_at = life.ran_at if subject.gap_seconds is None else life.succeeded_at
    same = subject.open_since is not None and (alive_at is None or alive_at <= subject.open_since)
    return _calm(subject, "not silent for too long", between=same)


def _knows_nothing(usual: Baseline | None) -> bool:
    return usual is None or (usual.gap_p50_seconds is None and usual.runs_this_hour is None)


def _tests(subject: Subject, life: Life, settings: SilenceSettings) -> list[Silence]:
    """Those that can be made."""
    if subject.gap_seconds is not None:
        words = f"allowed {span(subject.gap_seconds)}"
        return [_gap(life.succeeded_at, life.watched_from, subject.gap_seconds, words)]
    usual = subject.usual
    if usual is None or life.ran_at is None:
        return []
    tests = [] if life.going else _by_rate(usual, life.ran_at, life.watched_from, settings)
    p50, longest, factor = usual.gap_p50_seconds, usual.gap_max_seconds, _longest_factor(usual)
    if p50 is None or longest is None or factor is None or usual.n < settings.needed:
        return tests
    if life.failed < FAILING:
        allowed = max(settings.gap_factor * p50, factor * longest) + settings.slack_seconds
        words = f"usually one every {span(p50)}, at most {span(longest)} apart"
        began = life.ran_at if life.succeeded_at is None else life.succeeded_at
        tests.append(_gap(began, life.watched_from, allowed, words))
    return tests


def _longest_factor(usual: Baseline) -> float | None:
    known = usual.gap_span_seconds or 0.0
    return next((factor for least, factor in LONGEST_FACTORS if known >= least), None)


def _gap(began: float | None, watched_from: float | None, allowed: float, words: str) -> Silence:
    begin = _later(began, watched_from)
    return Silence(
        began,
        begin,
        due_at=None if begin is None else begin + allowed,
        owed_at=-inf if began is None else began + allowed,
        what="no successful run",
        words=words,
    )


def _by_rate(
    usual: Baseline, ran_at: float, watched_from: float | None, settings: SilenceSettings
) -> list[Silence]:
    if usual.runs_per_hour is None or usual.runs_per_hour.n < settings.needed:
        return []
    needed = log(max(1.0, usual.runs_this_hour or 0.0) / settings.p_zero)
    begin = _later(ran_at, watched_from)
    due_at = None if begin is None else reached(usual, begin, needed)
    owed_at = reached(usual, ran_at, needed)
    words = f"usually {usual.runs_per_hour.median:.0f} an hour at this time"
    return [Silence(ran_at, begin, due_at, owed_at, "no run", words)]


def _later(began: float | None, watched_from: float | None) -> float | None:
    """From when on a silence was watched; None: nobody watches."""
    if watched_from is None or began is None:
        return watched_from
    return max(began, watched_from)


def _finding(subject: Subject, silence: Silence, now: float) -> Finding:
    assert silence.begin is not None
    assert silence.due_at is not None
    known = silence.began is not None and silence.begin <= silence.began
    seconds = now - silence.begin
    return Finding(
        rule=RULE,
        labels=(("workflow", subject.name),),
        severity=Severity.WARNING if subject.gap_seconds is None else Severity.CRITICAL,
        holds=True,
        summary=f"{silence.what} for {'' if known else 'at least '}{span(seconds)}, {silence.words}"
        + (", and nobody tells of it any more" if subject.gone else ""),
        workflow=subject.name,
        value=seconds,
        threshold=silence.due_at - silence.begin,
        unit=UNIT,
        since=None if subject.gone else silence.due_at,
        since_at_least=not known,
        for_seconds=GONE_FOR_SECONDS if subject.gone else 0.0,
        runbook=subject.runbook,
    )


def _calm(
    subject: Subject,
    words: str,
    *,
    holds: bool | None = False,
    learning: bool = False,
    between: bool = False,
) -> Finding:
    severity = Severity.WARNING if subject.gap_seconds is None else Severity.CRITICAL
    found = calm(
        RULE,
        subject.name,
        severity,
        UNIT,
        words,
        holds=holds,
        learning=learning,
        between=between,
        runbook=subject.runbook,
    )
    return replace(found, for_seconds=GONE_FOR_SECONDS) if subject.gone else found
