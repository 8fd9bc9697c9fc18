"""Rule ``retention``: logs or metrics do not reach, or will not reach, as far back as they should."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.alert import Finding, Severity
from wfmon.model.retention import Keeps, Retention
from wfmon.model.settings import RetentionSettings

RULE = "retention"


def evaluate(retention: Sequence[Retention], settings: RetentionSettings, now: float) -> tuple[Finding, ...]:
    """One finding per subject, on evidence alone (see ``analysis.retention``).

    Of metrics a note (severity info); of logs a warning, once lines are known to have been deleted too
    early. Nothing is said while nothing is known of a subject.
    """
    del now
    return tuple(_finding(each, settings) for each in retention) if settings.enabled else ()


def _finding(kept: Retention, settings: RetentionSettings) -> Finding:
    logs = kept.keeps is not Keeps.METRICS
    known = kept.reach_seconds is not None or kept.limit_seconds is not None
    return Finding(
        rule=RULE,
        labels=(("subject", kept.subject),),
        severity=Severity.WARNING if logs else Severity.INFO,
        holds=(kept.short and (kept.lost_before is not None or not logs)) if known else None,
        summary=f"{kept.subject}: {kept.words}",
        for_seconds=settings.for_seconds,
        keep_seconds=settings.keep_seconds,
    )
