"""Rules of other systems as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from wfmon.model.foreign import ForeignAlerts, ForeignRule
from wfmon.model.ruleinfo import RuleInfo


def rule_infos(foreign: Iterable[ForeignAlerts]) -> tuple[RuleInfo, ...]:
    """Rules that are not well, and those of the alerts that are told."""
    return tuple(
        RuleInfo(
            name=rule.name,
            words=rule.query,
            where=f"group {rule.group} of {system.source}",
            health="err" if rule.health == "err" else "ok",
            error=rule.error,
            system=system.source,
        )
        for system in foreign
        for rule in system.rules
        if rule.health == "err" or _is_shown(rule, system)
    )


def _is_shown(rule: ForeignRule, system: ForeignAlerts) -> bool:
    return any(
        alert.name == rule.name and set(rule.labels) <= set(alert.labels) | _templated(rule)
        for alert in system.alerts
    )


def _templated(rule: ForeignRule) -> set[tuple[str, str]]:
    return {(name, value) for name, value in rule.labels if "{{" in value}
