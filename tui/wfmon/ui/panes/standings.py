"""How the rules stand on one workflow: what each is held against here, and what it says of it now."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.analysis.rules.cost_spike import bars
from wfmon.analysis.rules.failure_rate import threshold_of
from wfmon.analysis.rules.timeout import usual_limit
from wfmon.model.alert import Alert, AlertState
from wfmon.model.record import dataclass
from wfmon.model.settings import WorkflowLimits
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.monitor.settings import RuleSettings
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import wrapped_fact
from wfmon.ui.panes.measured import against, amount
from wfmon.ui.panes.usual import run_rate
from wfmon.ui.panes.words import lasting
from wfmon.ui.rows import Line, Row, rule, wrap

_LABEL = 14
_MOST_ROWS = 3  # of one rule
_NOTHING = WorkflowLimits()


@dataclass(frozen=True, slots=True)
class _Held:
    """A rule and what it is held against in words; empty: by nothing that is known here."""

    name: str
    enabled: bool
    words: str


def standing_rows(
    look: Look, width: int, now: float, snapshot: Snapshot, workflow: Workflow, rules: RuleSettings
) -> list[Row]:
    """One rule per row or two. ``rules`` are those of this process: of another collector they are told to
    be."""
    mine = snapshot.collector.self_
    rows = [rule(look, width, "Rules", "" if mine else "thresholds by this config")]
    for held in _rules(workflow, rules):
        text, role = _says(look, snapshot, workflow.name, held, now)
        words = f"{text}{f'; {held.words}' if held.words and held.enabled else ''}"
        for number, part in enumerate(wrap(words, width - _LABEL, _MOST_ROWS)):
            label = held.name if number == 0 else ""
            rows.append(Line(look, width).add(label, "label", _LABEL).add(part, role).row())
    usual = workflow.usual
    if usual is not None and usual.durations_since is not None:
        since = look.minute(usual.durations_since, now)
        rows += wrapped_fact(look, width, "", f"durations count since the deploy {since}", "muted", 2)
    return rows


def _says(look: Look, snapshot: Snapshot, name: str, held: _Held, now: float) -> tuple[str, str]:
    """What the rule says now, in words and in which role."""
    if not held.enabled:
        return "off", "muted"
    known = [one for one in snapshot.alerts if one.rule == held.name and one.workflow == name]
    alert = next((one for one in known if one.state is not AlertState.RESOLVED), None)
    if alert is not None:
        return _alerting(alert, now), look.alert_sign(alert)[1]
    for one in snapshot.unjudged:
        if one.key[0] == held.name and one.workflow == name:
            return one.text, "muted" if one.learning else "unknown"
    return "quiet", "text"


def _alerting(alert: Alert, now: float) -> str:
    return f"{alert.state.value} {lasting(alert, now)}: {against(alert) or alert.summary}"


def _rules(workflow: Workflow, rules: RuleSettings) -> Iterator[_Held]:
    limits = rules.limits.get(workflow.name, _NOTHING)
    yield _Held("failure_rate", rules.failure_rate.enabled, _failures(workflow, rules))
    yield _Held("timeout", rules.timeout.enabled, _timeout(workflow, rules, limits))
    yield _Held("stall", rules.stall.enabled, _stall(rules))
    yield _Held("runaway", rules.runaway.enabled, _runaway(workflow, rules, limits))
    yield _Held("cost_spike", rules.cost_spike.enabled, _spike(workflow, rules, limits))
    yield _Held("silence", rules.silence.enabled, _silence(workflow, rules, limits))


def _failures(workflow: Workflow, rules: RuleSettings) -> str:
    settings, usual = rules.failure_rate, workflow.usual
    limit = threshold_of(usual, settings)
    words = f"surely more than {numbers.percent(limit)} failing, {settings.min_failures} at least"
    if usual is not None and limit > settings.threshold:
        return f"{words} (usual {numbers.percent(usual.error_ratio)})"
    return words


def _timeout(workflow: Workflow, rules: RuleSettings, limits: WorkflowLimits) -> str:
    if limits.run_seconds is not None:
        return f"a run of more than {numbers.duration(limits.run_seconds)}: its limit"
    limit = usual_limit(workflow.usual, rules.timeout)
    return "" if limit is None else f"a run of more than {numbers.duration(limit.seconds)}: {limit.why}"


def _stall(rules: RuleSettings) -> str:
    after, in_step = rules.stall.after_seconds, rules.stall.in_step_seconds
    return f"no sign of a run for {numbers.duration(after)}, {numbers.duration(in_step)} in a call"


def _runaway(workflow: Workflow, rules: RuleSettings, limits: WorkflowLimits) -> str:
    settings, usual = rules.runaway, workflow.usual
    parts = []
    if usual is not None and usual.n >= settings.needed and usual.cost_p99_usd is not None:
        dear = numbers.money(settings.cost_factor * usual.cost_p99_usd)
        parts.append(f"a run of more than {dear} and {numbers.duration(usual.duration_p99_seconds)}")
    cap = limits.run_usd if limits.run_usd is not None else settings.max_run_usd
    parts += [f"one of more than {numbers.money(cap)}"] if cap is not None else []
    return ", or ".join(parts)


def _spike(workflow: Workflow, rules: RuleSettings, limits: WorkflowLimits) -> str:
    usual = workflow.usual.cost_per_hour if workflow.usual is not None else None
    parts = []
    if usual is not None:
        parts.append(f"{amount(bars(usual, rules.cost_spike).trip, 'usd')} in an hour")
    if limits.usd_per_hour is not None:
        parts.append(f"a pace of more than {amount(limits.usd_per_hour, 'usd_per_hour')}")
    return ", or ".join(parts)


def _silence(workflow: Workflow, rules: RuleSettings, limits: WorkflowLimits) -> str:
    usual = workflow.usual
    if limits.gap_seconds is not None:
        return f"no success for {numbers.duration(limits.gap_seconds)}: its limit"
    if usual is None:
        return ""
    parts = []
    if usual.runs_per_hour is not None:
        parts.append(f"too long for usually {run_rate(usual.runs_per_hour.median)} at this hour")
    if usual.gap_p50_seconds is not None:
        parts.append(f"usual gap {numbers.duration(usual.gap_p50_seconds)}")
    return ", ".join(parts)
