"""Rules ``silence``, ``source_down`` and ``evaluation`` in PromQL.

What differs from our own evaluation: only declared gaps (``[[workflow]] max_gap``) are watched, since what
is usual for a workflow is not known to a Prometheus.
"""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.export.rulefile import Alerting, Group, duration
from wfmon.export.series import SUCCEEDED_TOTAL, UP, increase
from wfmon.export.words import labels
from wfmon.model.alert import Severity
from wfmon.model.settings import EvaluationSettings, SourceDownSettings
from wfmon.sources.promql import quote

SILENT, DOWN, NOTHING, ILL = (
    "WorkflowSilent",
    "WorkflowTargetDown",
    "WorkflowMetricsAbsent",
    "RuleEvaluationFails",
)


def silence(gaps: Mapping[str, float], interval: float) -> Group:
    """``gaps``: seconds without a success, by workflow."""
    rules = []
    for workflow, gap in sorted(gaps.items()):
        this = f"{{workflow={quote(workflow)}}}"
        grown = increase(f"{SUCCEEDED_TOTAL}{this}", gap)
        never = f"absent(last_over_time({SUCCEEDED_TOTAL}{this}[1d]))"
        rules.append(
            Alerting(
                SILENT,
                # What was not watched for so long has not been silent for so long.
                f"(({grown} == 0) or {never}) and on () group({UP} offset {duration(gap)})",
                labels("silence", Severity.CRITICAL),
                {"summary": "{{ $labels.workflow }}: no run succeeded for " + f"{gap / 60:g} min"},
            )
        )
    return Group("wfmon-silence", interval, tuple(rules), ("A workflow that should have run and did not.",))


def down(settings: SourceDownSettings, interval: float) -> Group:
    severity = Severity.WARNING
    return Group(
        "wfmon-sources",
        interval,
        (
            Alerting(
                DOWN,
                f"{UP} == 0",
                labels("source_down", severity),
                {"summary": "{{ $labels.instance }} cannot be scraped"},
                settings.for_seconds,
            ),
            Alerting(
                NOTHING,
                f"absent({UP})",
                labels("source_down", severity),
                {"summary": "no target exposes metrics of workflows"},
                settings.for_seconds,
            ),
        ),
        ("An input that does not answer: silence is not health.",),
    )


def evaluation(settings: EvaluationSettings, interval: float) -> Group:
    return Group(
        "wfmon-evaluation",
        interval,
        (
            Alerting(
                ILL,
                "increase(prometheus_rule_evaluation_failures_total[5m]) > 0",
                labels("evaluation", Severity.WARNING),
                {"summary": "{{ $labels.rule_group }}: rules cannot be evaluated"},
                settings.for_seconds,
            ),
        ),
        ("A rule that fails is never an ok. Needs the Prometheus to scrape itself.",),
    )
