"""What labels, annotations and times of another system's alerts mean. What comes out is safe to show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from wfmon.model.alert import AlertState, Labels, Severity
from wfmon.model.foreign import NO_NAME, ForeignAlert
from wfmon.text.sanitize import safe

NAME = "alertname"
LABELS = 64  # of one alert that are kept
LABEL_LIMIT = 1000  # characters
TEXT_LIMIT = 2000
LINK_LIMIT = 500

# By weight, not by the alphabet; a word that is not here is a warning.
_WEIGHTS = {
    **dict.fromkeys(
        ("critical", "crit", "page", "error", "high", "fatal", "emergency", "disaster"), Severity.CRITICAL
    ),
    **dict.fromkeys(("warning", "warn", "medium"), Severity.WARNING),
    **dict.fromkeys(("info", "information", "informational", "none", "low"), Severity.INFO),
}
# They fire as long as all is well, so that somebody notices when they do not.
_DEAD_MEN = frozenset({"watchdog", "deadmansswitch", "deadmanswitch", "deadmanssnitch"})
_ALWAYS = frozenset({"infoinhibitor"})  # of kube-prometheus; with severity none


def labels_of(raw: Mapping[str, str]) -> tuple[Labels, bool]:
    """The labels, sorted, and whether they are theirs to the letter."""
    pairs = sorted(raw.items())
    shown = tuple(
        (safe(name, limit=LABEL_LIMIT), safe(value, limit=LABEL_LIMIT)) for name, value in pairs[:LABELS]
    )
    return shown, shown == tuple(pairs)


def name_of(labels: Labels) -> str:
    return next((value for name, value in labels if name == NAME), "") or NO_NAME


def severity_of(labels: Labels) -> Severity:
    word = next((value for name, value in labels if name == "severity"), "")
    return _WEIGHTS.get(word.strip().lower(), Severity.WARNING)


def is_dead_man(labels: Labels) -> bool:
    """Whether it is an alert that says by firing that alerting works."""
    name = name_of(labels).replace("_", "").replace("-", "").lower()
    return name in _DEAD_MEN or (name in _ALWAYS and ("severity", "none") in labels)


def by_weight(alert: ForeignAlert) -> tuple[object, ...]:
    """Sort key: the most severe first, then the oldest. In this order alerts are kept where there are too
    many."""
    return (-alert.severity, alert.state is not AlertState.FIRING, alert.since, alert.labels)


def summary_of(annotations: Mapping[str, str]) -> str:
    """One line; empty where nothing is said."""
    for name in ("summary", "message", "description"):
        line = annotations.get(name, "").strip().partition("\n")[0].strip()
        if line:
            return safe(line, limit=TEXT_LIMIT)
    return ""


def description_of(annotations: Mapping[str, str]) -> str:
    return safe(annotations.get("description", "").strip(), limit=TEXT_LIMIT)


def runbook_of(annotations: Mapping[str, str]) -> str | None:
    told = annotations.get("runbook_url", "").strip() or annotations.get("runbook", "").strip()
    return safe(told, limit=LINK_LIMIT) or None


def link_of(url: str) -> str:
    """``url`` where it is one of the web."""
    return safe(url, limit=LINK_LIMIT) if url.startswith(("http://", "https://")) else ""


def value_of(text: str) -> float | None:
    """``1.2e+01``; None for NaN, an infinity and what is no number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def moment(text: str) -> float | None:
    """RFC 3339 with up to nanoseconds, as POSIX seconds; None for what is none, and for the year 1 that
    stands for never."""
    try:
        at = datetime.fromisoformat(text)
        seconds = at.timestamp() if at.tzinfo is not None else 0.0
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None
