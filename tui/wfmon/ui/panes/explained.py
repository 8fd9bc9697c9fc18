"""One workflow explained: each figure with its window, its age and its source, and what is usual made of."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

from wfmon.analysis.stepstats import per_run
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.money import NO_MONEY, CostQuality
from wfmon.model.prices import ModelRef, parts_of
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.againstusual import calls_of
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.columns import coarse
from wfmon.ui.panes.devfacts import per_run_words
from wfmon.ui.panes.facts import LABEL_WIDTH, fact, outcome, wrapped_fact
from wfmon.ui.panes.formulas import MEANT, formulas_of, source_named, sources_told
from wfmon.ui.panes.spendfacts import money_facts, unit_words
from wfmon.ui.panes.usual import learnt, money_rate, run_rate
from wfmon.ui.rows import Row, rule, width_of, wrap

_MOST_ROWS = 6  # of one figure
_MOST_PRICES = 8
_NEWEST = 20  # runs whose models are named
_HOUR = 3599.0
_QUALITY = {
    CostQuality.EXACT: "as reported",
    CostQuality.PRICED: "priced from tokens",
    CostQuality.BAND: "somewhere in a band",
    CostQuality.UNPRICED: "part of it has no price",
}


@dataclass(frozen=True, slots=True)
class _Figure:
    """``origin``: its name in ``Workflow.origin``; ``concept``: in what a source says is missing."""

    label: str
    origin: str
    concept: str
    text: str


def workflow_explained(
    look: Look, width: int, now: float, snapshot: Snapshot, workflow: Workflow, *, past: bool = False
) -> list[Row]:
    """``past``: the snapshot is of a past moment."""
    rows = [rule(look, width, f"Figures: {workflow.name}", "from, how old")]
    origins, systems = dict(workflow.origin), dict(workflow.systems)
    for figure in _figures(snapshot, workflow, now):
        source = origins.get(figure.origin, "host" if figure.origin == "memory" else "")
        if figure.text:
            told_by = _from(snapshot, source, now, systems.get(figure.origin))
            rows += _told(look, width, figure.label, figure.text, told_by)
            for words in _how(snapshot, source, figure):
                rows += wrapped_fact(look, width, "", words, "muted", _MOST_ROWS)
        elif figure.label in ("queue", "timeouts", "budget"):
            continue  # few systems tell them
        else:
            why = _why_unknown(snapshot, workflow, figure)
            rows += wrapped_fact(look, width, figure.label, f"not known: {why}", "muted", _MOST_ROWS)
    for label, text in (*_money(look, snapshot, workflow), *_of_runs(look, snapshot, workflow)):
        rows += _labelled(look, width, label, text)
    rows.append(rule(look, width, "Sources of these figures"))
    for label, text in sources_told(snapshot, [*origins.values(), *workflow.sources], now):
        rows += _labelled(look, width, label, text)
    rows.append(rule(look, width, "Usual"))
    if workflow.usual is None:
        why = "what was usual then is not kept" if past else _why_nothing_learnt(snapshot)
        return [*rows, *wrapped_fact(look, width, "", why, "muted", 2)]
    for label, text in _usual(look, workflow.usual, now):
        rows += wrapped_fact(look, width, label, text, "text", _MOST_ROWS)
    return rows


def _how(snapshot: Snapshot, source: str, figure: _Figure) -> Iterator[str]:
    """What a figure is of, and what was asked of its source."""
    if figure.label in MEANT:
        yield MEANT[figure.label]
    for formula in formulas_of(source_named(snapshot, source), figure.origin, figure.concept):
        yield f"{source}: {formula}"


def _money(look: Look, snapshot: Snapshot, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """How true its money is and why: what it is made of, what the last hour cost, and unit prices."""
    if workflow.burn != NO_MONEY:
        yield "burn", money_words(look, workflow.burn, "/h")
        yield from money_facts(look, workflow.burn)
    if workflow.hour != NO_MONEY:
        known = workflow.cost_hour_seconds
        of = f", of which {numbers.duration(known)} are known" if known is not None and known < _HOUR else ""
        yield "hour", f"{money_words(look, workflow.hour)} in the last hour{of}"
    yield from _prices(snapshot, workflow)


def _prices(snapshot: Snapshot, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Unit prices of its models, as metrics name them and as its newest runs do."""
    refs = {
        ModelRef(row.provider or "", row.model): None
        for row in snapshot.tokens
        if row.workflow == workflow.name and row.model is not None
    }
    for run in snapshot.recent.get(workflow.name, ())[-_NEWEST:]:
        for part in parts_of(run):
            if part.model:
                refs[ModelRef(part.provider, part.model, part.service)] = None
    for number, ref in enumerate(list(refs)[:_MOST_PRICES]):
        words = unit_words(snapshot.prices.unit(ref))
        yield "prices" if number == 0 else "", f"{ref.id.removeprefix('/')}: {words}"
    if len(refs) > _MOST_PRICES:
        yield "", f"and {len(refs) - _MOST_PRICES} more models"


def _of_runs(look: Look, snapshot: Snapshot, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """What one run takes, and its calls by provider."""
    mean = per_run(snapshot.recent.get(workflow.name, ()), snapshot.prices)
    yield from per_run_words(look, workflow, mean)
    for number, row in enumerate(calls_of(snapshot, workflow.name)):
        failed = row.failed_per_minute
        told = f"{numbers.rate(failed)}/min of them failed" if failed is not None else "failures not told"
        provider = row.provider or "provider not told"
        yield "API" if number == 0 else "", f"{provider} {numbers.rate(row.per_minute)}/min, {told}"


def _labelled(look: Look, width: int, label: str, text: str) -> list[Row]:
    """A label that may be longer than others: a source's name."""
    if width_of(label) < LABEL_WIDTH:
        return wrapped_fact(look, width, label, text, "text", _MOST_ROWS)
    return wrapped_fact(look, width, "", f"{label}: {text}", "text", _MOST_ROWS)


def _told(look: Look, width: int, label: str, text: str, right: str) -> Iterator[Row]:
    room = width - LABEL_WIDTH - (width_of(right) + 2 if right else 0)
    for number, part in enumerate(wrap(text, room, _MOST_ROWS)):
        first = number == 0
        yield fact(
            look, width, label if first else "", (part, "text"), right=(right if first else "", "muted")
        )


def _from(snapshot: Snapshot, source: str, now: float, system: str | None) -> str:
    """``prom, 4s old``; where several systems are told of: ``n8n by prom, 4s old``."""
    status = next((one for one in snapshot.sources if one.name == source), None)
    source = f"{system} by {source}" if system is not None else source
    if status is None or status.as_of is None:
        return source
    return f"{source}, {coarse(max(0.0, now - status.as_of))} old"


def _figures(snapshot: Snapshot, workflow: Workflow, now: float) -> Iterator[_Figure]:
    rate = _over(snapshot.totals.rate_window_seconds, "over")
    yield _Figure("active", "active", "active", _active(workflow))
    yield _Figure("errors", "runs", "runs", _errors(workflow))
    pace = workflow.runs_per_minute
    first = workflow.ladder[0].span if workflow.ladder else None
    paced = "" if pace is None else f"{numbers.rate(pace)}/min{_over(first, 'over')}"
    yield _Figure("runs", "runs", "runs", paced)
    yield _Figure("duration", "duration", "duration", _durations(snapshot, workflow))
    tokens, cost = workflow.tokens_per_minute, workflow.cost_usd_per_hour
    yield _Figure(
        "tokens", "tokens", "tokens", "" if tokens is None else f"{numbers.count(tokens)}/min{rate}"
    )
    quality = f", {_QUALITY[workflow.cost_quality]}" if workflow.cost_quality is not None else ""
    yield _Figure("cost", "cost", "cost", "" if cost is None else f"{money_rate(cost)}{rate}{quality}")
    left = workflow.budget_left_usd
    yield _Figure("budget", "budget", "budget", "" if left is None else f"{numbers.money(left)} left")
    retries = workflow.retries
    told = _within(snapshot, workflow, "retries") or rate
    yield _Figure(
        "retries", "retries", "retries", "" if retries is None else f"{numbers.count(retries)}{told}"
    )
    calls = workflow.api_calls_per_minute
    yield _Figure("calls", "api_calls", "calls", "" if calls is None else f"{numbers.rate(calls)}/min{rate}")
    waiting = "queue" if workflow.queue is not None else "wait"
    yield _Figure("queue", waiting, "queue", _waiting(workflow))
    ended = workflow.timeouts
    yield _Figure(
        "timeouts", "timeouts", "timeouts", "" if ended is None else f"{numbers.count(ended)}{rate}"
    )
    rss = workflow.rss_bytes
    yield _Figure(
        "memory", "memory", "memory", "" if rss is None else f"{numbers.size(rss)} of its processes"
    )
    at = workflow.last_run_at
    last = "" if at is None else f"{outcome(workflow.last_status)} {coarse(max(0.0, now - at))} ago"
    yield _Figure("last run", "last", "runs", last)


def _waiting(workflow: Workflow) -> str:
    quantiles = (("p50", workflow.wait_p50_seconds), ("p95", workflow.wait_p95_seconds))
    waited = ", ".join(f"{name} {numbers.span(value)}" for name, value in quantiles if value is not None)
    parts = [f"{numbers.count(workflow.queue)} waiting"] if workflow.queue is not None else []
    return "; ".join([*parts, f"waited {waited} before it began"] if waited else parts)


def _over(seconds: float | None, word: str) -> str:
    return f" {word} {numbers.duration(seconds)}" if seconds else ""


def _active(workflow: Workflow) -> str:
    if workflow.active is None:
        return ""
    if workflow.active_at_least:
        return f"{numbers.count(workflow.active)} or more: the log does not reach back far enough"
    return numbers.count(workflow.active)


def _errors(workflow: Workflow) -> str:
    """``32%: 80 failed of 250 finished runs in 5m``, and why the window is longer than the first."""
    counts = workflow.runs
    if counts is None:
        return ""
    window = _over(workflow.window_seconds, "in")
    first = workflow.ladder[0].seconds if workflow.ladder else None
    if first and workflow.window_seconds and workflow.window_seconds > first:
        window += f", grown from {numbers.duration(first)} until it held enough runs"
    if counts.error_ratio is None:
        return f"no finished run{window}: a ratio of nothing is not known"
    outside = counts.cancelled + counts.other
    beside = f"; {numbers.count(outside)} cancelled or other are not counted" if outside else ""
    beside += _uncovered(workflow)
    ratio, runs = numbers.percent(counts.error_ratio), numbers.counted(counts.n, "finished run")
    return f"{ratio}: {numbers.count(counts.failed)} failed of {runs}{window}{beside}"


def _uncovered(workflow: Workflow) -> str:
    """How much of the window is known, where that is less than all."""
    step = next((one for one in workflow.ladder if one.seconds == workflow.window_seconds), None)
    if step is None or step.covered >= step.seconds:
        return ""
    return f"; only {numbers.duration(step.covered)} of it are known"


def _durations(snapshot: Snapshot, workflow: Workflow) -> str:
    quantiles = (("p50", workflow.duration_p50_seconds), ("p95", workflow.duration_p95_seconds))
    known = ", ".join(f"{name} {numbers.span(value)}" for name, value in quantiles if value is not None)
    return f"{known}{_within(snapshot, workflow, 'duration')}" if known else ""


def _within(snapshot: Snapshot, workflow: Workflow, figure: str) -> str:
    """The window of a figure that is taken from the very runs that are counted, those of a log."""
    origin = dict(workflow.origin).get(figure)
    from_log = any(one.name == origin and one.kind == "logs" for one in snapshot.sources)
    return _over(workflow.window_seconds, "in") if from_log else ""


def _why_unknown(snapshot: Snapshot, workflow: Workflow, figure: _Figure) -> str:
    """In the words of the sources, where they say what is missing: of the systems that tell of it first."""
    systems = {name for _, name in workflow.systems}
    found = [
        (title is not None and title not in systems, source.name, words)
        for source in snapshot.sources
        for words in source.missing
        for title in _lacking(words, figure.concept)
    ]
    for elsewhere, name, words in sorted(found, key=lambda each: each[0]):
        if not (elsewhere and systems):
            return f"{name} says {words}" if ":" in words else f"{name} does not tell it"
    if figure.concept == "memory":
        return "no process of it is known"
    return f"no source tells it of {workflow.name}"


def _lacking(words: str, concept: str) -> Iterator[str | None]:
    """The system of which ``words`` say that it lacks ``concept``, None where they name none: ``cost: why``
    or ``n8n: cost: why``; nothing where they say something else."""
    first, _, rest = words.partition(": ")
    if first.split()[:1] == [concept]:
        yield None
    elif rest.partition(":")[0].split()[:1] == [concept]:
        yield first


def _why_nothing_learnt(snapshot: Snapshot) -> str:
    if snapshot.history is None:
        return "nothing is learnt of it: no history is kept"
    if snapshot.history.problem:
        return f"nothing is learnt of it: {snapshot.history.problem}"
    return "nothing is learnt of it yet"


def _usual(look: Look, usual: Baseline, now: float) -> Iterator[tuple[str, str]]:
    """Labels and words; what is not known is left out, except that it is still learning."""
    runs = numbers.counted(usual.error_n or usual.n, "finished run")
    if usual.error_ratio is not None:
        yield "errors", f"{numbers.percent(usual.error_ratio)} of {runs}"
    elif usual.learning:
        yield "errors", f"learning {learnt(usual)}: {numbers.count(usual.needed)} finished runs are needed"
    elif usual.learning_errors:
        older = f"{numbers.count(usual.needed)} finished runs older than 15m, or an hour"
        yield "errors", f"learning {learnt(usual)}: {older} are needed"
    durations = _usual_durations(usual)
    if durations:
        yield "duration", durations
    if usual.tokens_p50 is not None:
        most = (
            f", 95% of runs under {numbers.count(usual.tokens_p95)}" if usual.tokens_p95 is not None else ""
        )
        yield "tokens", f"{numbers.count(usual.tokens_p50)} a run{most}"
    if usual.cost_p50_usd is not None:
        most = (
            f", 95% of runs under {numbers.money(usual.cost_p95_usd)}"
            if usual.cost_p95_usd is not None
            else ""
        )
        yield "cost", f"{numbers.money(usual.cost_p50_usd)} a run{most}"
    if usual.runs_per_hour is not None:
        low, high = _half(usual.runs_per_hour)
        words = f"half of them {run_rate(low)} to {run_rate(high)}"
        yield (
            "runs",
            f"{run_rate(usual.runs_per_hour.median)} at this hour: {_middle(usual.runs_per_hour)}, {words}",
        )
    if usual.cost_per_hour is not None:
        factor = numbers.rate(exp(usual.cost_per_hour.spread))
        words = f"half of them within a factor of about {factor}"
        yield (
            "$/h",
            f"{money_rate(usual.cost_per_hour.median)} at this hour: {_middle(usual.cost_per_hour)}, {words}",
        )
    yield from _grounds(look, usual, now)


def _usual_durations(usual: Baseline) -> str:
    quantiles = (
        ("p50", usual.duration_p50_seconds),
        ("p95", usual.duration_p95_seconds),
        ("p99", usual.duration_p99_seconds),
    )
    known = ", ".join(f"{name} {numbers.span(value)}" for name, value in quantiles if value is not None)
    if not known:
        return ""
    of = (
        "runs that succeeded"
        if usual.duration_from == "runs"
        else f"{usual.duration_from}: no single runs known"
    )
    return f"{known}, of {of}"


def _grounds(look: Look, usual: Baseline, now: float) -> Iterator[tuple[str, str]]:
    """What it was learnt from."""
    hours = numbers.counted(usual.hours, "hour")
    yield "made of", f"{numbers.counted(usual.n, 'finished run')}"
    few = (
        f"; {usual.needed} are needed" if usual.runs_per_hour is None and usual.cost_per_hour is None else ""
    )
    yield "", f"{hours} like this one: same time of day, ±1, on days of the same kind{few}"
    if usual.since is not None:
        yield "oldest", f"{look.minute(usual.since, now)}, of these runs and hours"
    if usual.left_out:
        yield "left out", f"{numbers.counted(usual.left_out, 'hour')} in which an alert of it was firing"
    if usual.accepted_at is not None:
        at = look.minute(usual.accepted_at, now)
        yield "accepted", f"{at}: somebody said that a new normal began; what was before does not count"


def _middle(usual: Usual) -> str:
    return f"the middle of {numbers.counted(usual.n, 'hour')}"


def _half(usual: Usual) -> tuple[float, float]:
    """The median absolute deviation says between what half of the samples lie."""
    return max(0.0, usual.median - usual.spread), usual.median + usual.spread
