"""Alerts of our rules that an alert of another system stands for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from wfmon.analysis.foreignjoin import is_foreign
from wfmon.model.alert import Alert

_OF_HOST = ("memory", "storage")
# Labels of ours that tell nothing apart, and one that a node_exporter calls otherwise.
_OF_ALL = (("resource", "memory"), ("scope", "all"))
_ELSEWHERE = {"mount": "mountpoint"}


def unreplaced(
    alerts: Sequence[Alert], replaced_by: Mapping[str, frozenset[str]], here: Collection[str]
) -> tuple[Alert, ...]:
    """``alerts`` without those of our rules that an open foreign one stands for: by its label
    ``wfmon_rule``, or because ``replaced_by`` names it for the rule. It must not be about something else:
    labels that both have agree, and so do their workflows; and by its label alone it stands for no more than
    its labels tell of. Of the rules about a host it is about one of the names ``here``, if it tells a host.
    One without data hides nothing that is worse than it was last known to be."""
    outside = [alert for alert in alerts if alert.open and is_foreign(alert.rule, alert.labels)]
    if not outside:
        return tuple(alerts)
    return tuple(
        alert
        for alert in alerts
        if alert.ended_at is not None
        or is_foreign(alert.rule, alert.labels)
        or not any(_stands_for(each, alert, replaced_by, here) for each in outside)
    )


def _stands_for(
    outside: Alert, ours: Alert, replaced_by: Mapping[str, frozenset[str]], here: Collection[str]
) -> bool:
    labels, resource = dict(outside.labels), dict(ours.labels).get("resource")
    is_named = outside.rule in replaced_by.get(ours.rule, ())
    if labels.get("wfmon_rule") != ours.rule and not is_named:
        return False
    if outside.blind and ours.severity > outside.severity:
        return False
    if outside.workflow is not None and ours.workflow is not None and outside.workflow != ours.workflow:
        return False
    if ours.rule in _OF_HOST and not (
        _is_here(labels, here) and labels.get("resource", resource) == resource
    ):
        return False
    for name, value in ours.labels:
        theirs = labels.get(name, labels.get(_ELSEWHERE.get(name, "")))
        unsaid = is_named or (name, value) in _OF_ALL
        if name != "workflow" and (theirs != value if theirs is not None else not unsaid):
            return False
    return True


def _is_here(labels: Mapping[str, str], here: Collection[str]) -> bool:
    """``instance`` is a host with a port."""
    host = labels.get("instance", "").rpartition(":")[0] or labels.get("instance", "")
    return not host or host.casefold() in here
