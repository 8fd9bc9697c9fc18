"""Alerts of our rules that an alert of another system stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfmon.analysis.foreignjoin import is_foreign
from wfmon.model.alert import Alert


def unreplaced(alerts: Sequence[Alert], replaced_by: Mapping[str, frozenset[str]]) -> tuple[Alert, ...]:
    """``alerts`` without those of our rules that an open foreign one stands for: by its label
    ``wfmon_rule``, or because ``replaced_by`` names it for the rule. It must not be about something else:
    labels that both have agree, and so do their workflows."""
    outside = [alert for alert in alerts if alert.open and is_foreign(alert.rule, alert.labels)]
    if not outside:
        return tuple(alerts)
    return tuple(
        alert
        for alert in alerts
        if alert.ended_at is not None
        or is_foreign(alert.rule, alert.labels)
        or not any(_stands_for(each, alert, replaced_by) for each in outside)
    )


def _stands_for(outside: Alert, ours: Alert, replaced_by: Mapping[str, frozenset[str]]) -> bool:
    labels = dict(outside.labels)
    if labels.get("wfmon_rule") != ours.rule and outside.rule not in replaced_by.get(ours.rule, ()):
        return False
    if outside.workflow is not None and ours.workflow is not None and outside.workflow != ours.workflow:
        return False
    return all(labels.get(name, value) == value for name, value in ours.labels if name != "workflow")
