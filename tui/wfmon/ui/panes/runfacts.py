"""Where the figures of one run, and of one step of it, come from."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import ModelRef, PriceBook, parts_of, retried_money, run_money, usage_money
from wfmon.model.run import Run, RunStatus, Step, Usage
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Amounts
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.columns import coarse
from wfmon.ui.panes.facts import lasted, outcome
from wfmon.ui.panes.spendfacts import amount_facts, money_facts, unit_words

Facts = Iterator[tuple[str, str]]
MOST_PARTS = 12
_SMALL = 0.1  # USD


def run_words(look: Look, snapshot: Snapshot | None, run: Run, now: float) -> Facts:
    yield "run", run.id if run.has_id else "without an id in its log"
    yield "workflow", run.workflow
    yield "status", _status(run)
    yield from _duration(look, snapshot, run, now)
    if run.attempt is not None or run.retries is not None:
        yield (
            "attempt",
            f"{run.attempt or 'not told'}; retries {numbers.count(run.retries)}, as its log tells",
        )
    book = snapshot.prices if snapshot is not None else PriceBook()
    money = run_money(run, book)
    yield "Tokens and money", ""
    yield from amount_facts(amounts_of(run.usage))
    if money == NO_MONEY:
        yield "money", "not known: its log tells neither tokens nor cost"
    else:
        yield "money", money_words(look, money) + _small(money)
        yield from money_facts(look, money)
        yield from _parts(look, run, book)
        retried = retried_money(run, book)
        if retried.known:
            yield "wasted", f"{money_words(look, retried)} of it on attempts that another followed"
    for name, calls in run.calls:
        yield "calls", f"{numbers.count(calls)} of {name or 'a provider that is not told'}"
    yield "Source", ""
    yield from source_words(snapshot, run.source, now)
    if run.log:
        yield "log", run.log
    if run.last_line_at is not None:
        yield "last line", f"{coarse(max(0.0, now - run.last_line_at))} ago"


def step_words(look: Look, snapshot: Snapshot | None, run: Run, step: Step, now: float) -> Facts:
    yield "step", step.name
    yield "of", f"{run.id if run.has_id else 'a run without id'}, {run.workflow}"
    yield "status", outcome(step.status) + (f": {step.error}" if step.error else "")
    if step.started_at is not None:
        end = "" if step.ended_at is None else f" to {look.millis(step.ended_at)}"
        yield "bar", f"{look.millis(step.started_at)}{end}: from its first attempt's begin to its end"
    if step.status is RunStatus.RUNNING and step.started_at is not None:
        yield "duration", f"{numbers.span(max(0.0, now - step.started_at))} so far"
    elif step.duration_seconds is not None:
        yield "duration", f"{numbers.span(step.duration_seconds)}, as its log says"
    else:
        yield "duration", "not known: its log does not tell it"
    tries = step.attempt or 1
    if tries > 1:
        yield "attempts", f"{tries}; the light part of the bar is of those before the last, and of the waits"
        if step.duration_seconds is not None and step.started_at is not None and step.ended_at is not None:
            whole = numbers.span(max(0.0, step.ended_at - step.started_at))
            yield (
                "",
                f"all of them took {whole}, the log tells {numbers.span(step.duration_seconds)} of the last",
            )
    elif step.attempt is None:
        yield "attempts", "not told"
    if step.model:
        yield "model", f"{step.model}{f' ({step.provider})' if step.provider else ''}"
    yield from amount_facts(amounts_of(step.usage))
    if step.retried.total:
        yield "", f"{numbers.count(step.retried.total)} of them in attempts that another followed"
    yield from source_words(snapshot, run.source, now)


def amounts_of(usage: Usage) -> Amounts:
    untyped = usage.total if usage.input is None and usage.output is None else None
    return Amounts(
        usage.input, usage.output, usage.cached, usage.cache_write, usage.reasoning, untyped=untyped
    )


def source_words(snapshot: Snapshot | None, name: str, now: float) -> Facts:
    """Which source it is of, how fresh that is, and what it does not tell."""
    source = next((one for one in snapshot.sources if one.name == name), None) if snapshot else None
    if source is None:
        if name:
            yield "source", name
        return
    words = [source.name, source.kind]
    if source.profile:
        words.append(f"profile {source.profile}")
    if source.as_of is not None:
        words.append(f"{coarse(max(0.0, now - source.as_of))} old")
    yield "source", ", ".join(words)
    for missing in source.missing:
        yield "missing", missing


def _status(run: Run) -> str:
    words = outcome(run.status, run.status_word)
    if run.status is RunStatus.LOST:
        words += ": no line of it for so long that it is taken for dead"
    return f"{words}: {run.error}" if run.error and run.failed else words


def _duration(look: Look, snapshot: Snapshot | None, run: Run, now: float) -> Facts:
    seconds = lasted(run, now)
    if seconds is None:
        yield "duration", "not known: its log tells no begin, or it has no end"
    elif run.status is RunStatus.RUNNING:
        yield "duration", f"{numbers.span(seconds)} so far = now - its begin"
    else:
        yield "duration", f"{numbers.span(seconds)}, as its log says, or from its first line to its last"
    if run.started_at is not None:
        yield "", f"began {_moment(look, run.started_at, now)}"
    if run.ended_at is not None:
        ago = coarse(max(0.0, now - run.ended_at))
        yield "", f"ended {_moment(look, run.ended_at, now)}, {ago} ago"
    if run.limit_seconds is not None:
        yield "limit", f"{numbers.duration(run.limit_seconds)}, as its log declares it"
    workflows = snapshot.workflows if snapshot is not None else ()
    usual = next((one.usual for one in workflows if one.name == run.workflow), None)
    if usual is not None and usual.duration_p50_seconds:
        told = (
            f"p50 {numbers.span(usual.duration_p50_seconds)}, p95 {numbers.span(usual.duration_p95_seconds)}"
        )
        of = numbers.counted(usual.n, "run")
        ratio = f": {numbers.times(seconds / usual.duration_p50_seconds)} p50" if seconds is not None else ""
        yield "usual", f"{told} of {of}{ratio}"


def _small(money: Money) -> str:
    """An amount that cents do not tell, in full."""
    least = money.least
    return f" (${least:.6f})" if least is not None and 0 < least < _SMALL else ""


def _moment(look: Look, at: float, now: float) -> str:
    """To the second, with the day where that is not today's."""
    day = look.minute(at, now)
    return look.clock(at) if len(day) == 5 else f"{day[:5]} {look.clock(at)}"


def _parts(look: Look, run: Run, book: PriceBook) -> Facts:
    """What each model of it cost, and by which price; what the log reports was not multiplied."""
    if run.usage.cost_usd is not None:
        yield "price", "its log reports the whole; nothing was multiplied"
        return
    parts = parts_of(run)
    for part in parts[:MOST_PARTS]:
        ref = ModelRef(part.provider, part.model, part.service)
        name = ref.id.strip("/") or "no model told"
        calls = f", {numbers.counted(part.calls, 'call')}" if part.calls is not None else ""
        spent = money_words(look, usage_money(part, book))
        yield "part", f"{name}: {spent} of {numbers.count(part.usage.total)} tokens{calls}"
        if part.usage.cost_usd is not None:
            yield "", "reported by its log"
        else:
            yield "", unit_words(book.unit(ref))
    if len(parts) > MOST_PARTS:
        yield "", f"and {len(parts) - MOST_PARTS} more"
