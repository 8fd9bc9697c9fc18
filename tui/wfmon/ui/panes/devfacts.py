"""Where figures over many runs come from: a step's times, a pattern of errors."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.analysis.patterns import Pattern
from wfmon.analysis.stepstats import PerRun, StepStat
from wfmon.model.snapshot import Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.columns import coarse

Facts = Iterator[tuple[str, str]]


def stat_words(look: Look, stat: StepStat, runs: int, now: float) -> Facts:
    yield "step", stat.name
    yield "window", f"the newest {numbers.counted(runs, 'run')} that are known, with those that go on"
    yield "n", f"{numbers.counted(stat.n, 'execution')} ended, of {stat.timed} the time is known"
    if stat.going:
        yield "", f"{stat.going} going on, in none of these figures"
    if stat.p50_seconds is None:
        yield "time", "not known: no log line tells how long it took"
    else:
        yield "time", f"p50 {numbers.span(stat.p50_seconds)}, p95 {numbers.span(stat.p95_seconds)}"
        yield (
            "",
            f"of {stat.timed}: all attempts and the waits between, where both ends are known",
        )
        yield "most", f"{numbers.span(stat.max_seconds)}" + (f" in {stat.slowest.id}" if stat.slowest else "")
    if stat.share is None:
        yield "share", "not known: no finished run tells how long it took"
    else:
        yield "share", f"{numbers.percent(stat.share)} = its time / the time of the finished runs"
        yield "", "steps beside each other may add up to more than 100%"
    yield "failed", f"{numbers.count(stat.failed)} of {stat.n}: error, timeout or lost"
    yield "retries", f"{numbers.count(stat.retries)} attempts that another followed"
    if stat.slowest is not None and stat.slowest.ended_at is not None:
        yield "age", f"the slowest ended {coarse(max(0.0, now - stat.slowest.ended_at))} ago"


def error_words(look: Look, found: Pattern, now: float) -> Facts:
    yield "pattern", found.text
    yield "", "<*> stands where the texts of the runs differ: numbers, ids, names"
    yield "n", f"{numbers.counted(found.count, 'run')} that failed with it, of those that are known"
    if found.first is not None and found.last is not None:
        ago = coarse(max(0.0, now - found.last))
        yield "between", f"{look.minute(found.first, now)} and {look.minute(found.last, now)}, {ago} ago"
    for number, message in enumerate(found.exemplars):
        yield "newest" if number == 0 else "", f"{message.ref}: {message.text}"


def per_run_words(look: Look, workflow: Workflow, mean: PerRun) -> Facts:
    """Tokens and money of one run."""
    pace = workflow.runs_per_minute
    by_rate = "not in logs: per minute / runs a minute, each over its own window"
    if mean.tokens is not None:
        of = numbers.counted(mean.tokens_n, "run")
        yield "tok/run", f"{numbers.count(mean.tokens)}: the mean of the newest {of} whose logs tell tokens"
    elif pace and workflow.tokens_per_minute is not None:
        yield "tok/run", f"{numbers.count(workflow.tokens_per_minute / pace)}, {by_rate}"
    else:
        yield "tok/run", "not known: no run tells its tokens"
    if mean.money_n:
        words = money_words(look, mean.money)
        of = numbers.counted(mean.money_n, "run")
        yield "$/run", f"{words}: the mean of the newest {of} of which any money is known"
    elif pace and workflow.burn.known:
        yield "$/run", f"{money_words(look, workflow.burn.scaled(1 / (60 * pace)))}, {by_rate}"
    else:
        yield "$/run", "not known: no run tells cost, or tokens of a model with a price"
