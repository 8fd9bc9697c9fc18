"""How the exported rules are named and labelled, and pieces of PromQL that they share."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.alert import Severity
from wfmon.sources.promql import quote

RULE_LABEL = "wfmon_rule"  # by which wfmon-tui knows that an alert stands for its own rule
PREFIX = "wfmon"


def labels(rule: str, severity: Severity) -> dict[str, str]:
    return {"severity": severity.word, RULE_LABEL: rule}


def firing(alert: str, severity: Severity) -> str:
    """The alerts of this name and severity that fire since the last evaluation."""
    return f'ALERTS{{alertname={quote(alert)},alertstate="firing",severity={quote(severity.word)}}}'


def named(vector: str, name: str) -> str:
    """``vector`` with a label that tells it apart from others of the same workflow."""
    return f'label_replace({vector}, "wfmon_part", {quote(name)}, "", "")'


def table(values: Mapping[str, float]) -> str:
    """A vector with one sample for each workflow."""
    return " or ".join(
        f'label_replace(vector({value:g}), "workflow", {quote(workflow)}, "", "")'
        for workflow, value in sorted(values.items())
    )
