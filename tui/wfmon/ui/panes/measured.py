"""What an alert measures now, held against its threshold and what is usual, and what it was before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor

from wfmon.analysis.wilson import lower_bound
from wfmon.model.alert import Alert, AlertState
from wfmon.model.baseline import Baseline
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import LABEL_WIDTH, Part, fact, wrapped_fact
from wfmon.ui.panes.usual import money_rate, run_rate, usual_errors
from wfmon.ui.panes.words import OURS
from wfmon.ui.rows import Row, width_of

Z99 = 2.3263  # one-sided 99 %
_SUMMARY_ROWS = 3
_USUAL = frozenset({"failure_rate", "cost_spike", "timeout", "stall", "runaway", "silence"})
_COUNTED = {"timeout": "run", "stall": "run", "runaway": "run"}  # what ``n`` of a rule counts


def amount(value: float | None, unit: str) -> str:
    """A figure of an alert in its unit."""
    match unit:
        case "ratio":
            return numbers.percent(value)
        case "seconds":
            return numbers.duration(value)
        case "bytes":
            return numbers.size(value)
        case "usd_per_hour":
            return f"{numbers.money(value)}/h" if value is not None else numbers.UNKNOWN
        case "usd":
            return numbers.money(value)
        case _:
            return _plain(value)


def _plain(value: float | None) -> str:
    """A figure whose unit nobody tells, as of another system's rule: three digits where it is not whole."""
    if value is None or not abs(value) < 100 or value == int(value):
        return numbers.count(value)
    return f"{value:.3g}"


def against(alert: Alert) -> str:
    """``32% > 5%``; only what is known of it."""
    if alert.value is None:
        return ""
    value = amount(alert.value, alert.unit)
    if alert.threshold is None:
        return value
    sign = ">" if alert.value > alert.threshold else "<" if alert.value < alert.threshold else "="
    return f"{value} {sign} {amount(alert.threshold, alert.unit)}"


def now_rows(look: Look, width: int, snapshot: Snapshot, alert: Alert, *, past: bool = False) -> list[Row]:
    """Value against threshold, how many of how many, how sure; at the right what is usual. ``past``: the
    snapshot is of a past moment, of which what was usual is not kept, and of most rules no more than the
    last words of the episode."""
    label = "last" if alert.state in (AlertState.RESOLVED, AlertState.NO_DATA) else "now"
    if past:
        label = "then" if alert.value is not None else "last"
    _sign, role = look.alert_sign(alert)
    usual = "" if past else usual_words(snapshot, alert)
    room = width - LABEL_WIDTH
    value = against(alert)
    forms = tuple(_forms(alert))
    if not value or _says_both(alert):
        role = role if value else "strong"
        if usual and width_of(alert.summary) + 2 + width_of(usual) <= room:
            return [fact(look, width, label, (alert.summary, role), right=(usual, "muted"))]
        return wrapped_fact(look, width, label, alert.summary, role, _SUMMARY_ROWS)
    behind = width_of(usual) + 2 if usual else 0
    fitting = (text for text in forms if width_of(value) + width_of(text) <= room - behind)
    text = next(fitting, forms[0])
    parts: list[Part] = [(value, role), (text, "text")]
    return [fact(look, width, label, *parts, right=(usual, "muted") if usual else None)]


def _says_both(alert: Alert) -> bool:
    """Whether the summary says the value and its threshold by itself."""
    if alert.rule == "failure_rate" or alert.value is None or alert.threshold is None:
        return False
    return all(amount(one, alert.unit) in alert.summary for one in (alert.value, alert.threshold))


def _forms(alert: Alert) -> Iterator[str]:
    """What stands behind the value, the longest first."""
    if alert.rule == "failure_rate":
        for window in (True, False):
            counted = "; ".join(_counted(alert, window=window))
            yield f"  ({counted})" if counted else ""
        return
    what = _COUNTED.get(alert.rule)
    count = f"  ({numbers.counted(alert.n, what)})" if what and alert.n else ""
    yield f"{count}  {alert.summary}"


def _counted(alert: Alert, *, window: bool) -> Iterator[str]:
    if alert.failed is None or not alert.n:
        return
    over = f" in {numbers.duration(alert.window_seconds)}" if alert.window_seconds and window else ""
    yield f"{numbers.count(alert.failed)} of {numbers.count(alert.n)}{over}"
    if alert.open and 0 < alert.failed <= alert.n:
        bound = lower_bound(alert.failed, alert.n, Z99)
        steps = 1_000 if bound < 0.1 else 100  # rounded down, as far as it is written
        yield f"99% sure it is over {numbers.percent(floor(bound * steps) / steps)}"


def usual_words(snapshot: Snapshot, alert: Alert) -> str:
    """``usual 0.8% (500 runs)``, ``no baseline (n=7)``; nothing where the rule has no use for it."""
    workflow = next((one for one in snapshot.workflows if one.name == alert.workflow), None)
    if workflow is None or alert.rule not in _USUAL or alert.source != OURS:
        return ""
    usual = workflow.usual
    if usual is None:
        return "no baseline"
    match alert.rule:
        case "failure_rate":
            known = usual.n if usual.learning else usual.error_n
            return usual_errors(usual) if usual.error_ratio is not None else none_of(known)
        case "cost_spike":
            hour = usual.cost_per_hour
            return none_of(usual.hours) if hour is None else f"usual {money_rate(hour.median)} at this hour"
        case "timeout" | "stall":
            return _p99(numbers.span(usual.duration_p99_seconds), usual, usual.duration_p99_seconds)
        case "runaway":
            return _p99(numbers.money(usual.cost_p99_usd), usual, usual.cost_p99_usd)
        case "silence":
            pace = usual.runs_per_hour
            return none_of(usual.hours) if pace is None else f"usual {run_rate(pace.median)} at this hour"
    return ""


def none_of(n: int) -> str:
    return f"no baseline (n={n})"


def _p99(words: str, usual: Baseline, known: float | None) -> str:
    return none_of(usual.n) if known is None else f"usual p99 {words} ({numbers.counted(usual.n, 'run')})"


def figures(alert: Alert) -> Sequence[str]:
    """``peak 33%``, ``mean 28%``, ``lowest 6%`` of the episode, as far as they tell more than the value."""
    known = (("peak", alert.peak), ("mean", alert.mean), ("lowest", alert.low))
    if len({value for value in (alert.value, *(value for _, value in known)) if value is not None}) < 2:
        return ()
    return tuple(f"{name} {amount(value, alert.unit)}" for name, value in known if value is not None)


def episode_words(look: Look, alert: Alert) -> str:
    """The figures of the episode and how often it went and came back; empty where there is nothing."""
    parts = [", ".join(figures(alert))]
    if alert.flaps:
        times = "once" if alert.flaps == 1 else f"{alert.flaps} times"
        until = ", kept open until quiet" if alert.flapping and alert.open else ""
        parts.append(f"went and came back {times}{until}")
    return f" {look.signs.dot} ".join(part for part in parts if part)
