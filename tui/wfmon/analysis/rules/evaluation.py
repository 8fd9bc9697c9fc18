"""Rule ``evaluation``: a rule of ours, or one of a Prometheus, cannot be evaluated.

What a rule that fails would have said is unknown, and a failing rule looks exactly like a quiet one:
so its failure is an alert of its own, and never an ok.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.model.alert import Finding, Labels, Severity
from wfmon.model.settings import EvaluationSettings

if TYPE_CHECKING:
    from wfmon.model.foreign import ForeignAlerts, ForeignRule

RULE = "evaluation"
ILL = "err"  # the health of a foreign rule that could not be evaluated


def evaluate(
    failures: Mapping[str, str | None],
    foreign: Sequence[ForeignAlerts],
    silent: Collection[str],
    known: Iterable[Labels],
    settings: EvaluationSettings,
    now: float,
) -> tuple[Finding, ...]:
    """One finding per rule of ours, one per ill foreign rule, and one per foreign rule that was ill.

    ``failures``: by name of every rule of ours why it failed, None: it did not. ``silent``: sources that
    do not answer now; nothing is said of their rules. ``known``: labels of this rule's episodes that may
    be open.
    """
    del now
    if not settings.enabled:
        return ()
    ill = {
        _labels(rule.name, each.source): (each.source, rule)
        for each in foreign
        for rule in reversed(each.rules)
        if rule.health == ILL
    }
    answered = {each.source for each in foreign if each.source not in silent}
    return (
        *(_own(name, why, settings) for name, why in failures.items()),
        *(_foreign(labels, *ill[labels], settings, silent) for labels in ill),
        *(
            _well(labels, source)
            for labels in known
            if labels not in ill and (source := dict(labels).get("source")) in answered and source
        ),
    )


def _own(name: str, why: str | None, settings: EvaluationSettings) -> Finding:
    return Finding(
        rule=RULE,
        labels=(("rule", name),),
        severity=Severity.WARNING,
        holds=why is not None,
        summary=f"rule {name} fails" if why is None else f"rule {name} fails: {why}",
        for_seconds=settings.for_seconds,
    )


def _foreign(
    labels: Labels, source: str, rule: ForeignRule, settings: EvaluationSettings, silent: Collection[str]
) -> Finding:
    return Finding(
        rule=RULE,
        labels=labels,
        severity=Severity.WARNING,
        holds=None if source in silent else True,
        summary=f"rule {rule.name} of {source} fails: {rule.error or 'it does not say why'}",
        for_seconds=settings.for_seconds,
    )


def _well(labels: Labels, source: str) -> Finding:
    name = dict(labels).get("rule", "")
    return Finding(RULE, labels, Severity.WARNING, False, f"rule {name} of {source} is evaluated again")


def _labels(rule: str, source: str) -> Labels:
    return (("rule", rule), ("source", source))
