"""Rule ``source_down``: an input has not answered for too long."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.alert import Finding, Severity
from wfmon.model.settings import SourceDownSettings
from wfmon.model.source import SourceState, SourceStatus

RULE = "source_down"


def evaluate(
    sources: Sequence[SourceStatus], settings: SourceDownSettings, now: float
) -> tuple[Finding, ...]:
    """One finding per source that is asked; one that was never answered yet is unknown."""
    if not settings.enabled:
        return ()
    return tuple(_judge(source, settings, now) for source in sources if source.state is not SourceState.OFF)


def _judge(source: SourceStatus, settings: SourceDownSettings, now: float) -> Finding:
    gone = source.state in (SourceState.DOWN, SourceState.STALE)
    since = source.failing_since if source.failing_since is not None else source.as_of
    return Finding(
        rule=RULE,
        labels=(("source", source.name),),
        severity=Severity.WARNING,
        holds=None if source.state is SourceState.WAITING else gone,
        summary=f"{source.name} {reason(source)}",
        value=max(0.0, now - since) if gone and since is not None else None,
        threshold=settings.for_seconds,
        unit="seconds",
        for_seconds=settings.for_seconds,
        clears=source.state is SourceState.OK,
        since=since if gone else None,
    )


def reason(source: SourceStatus) -> str:
    """Why nothing is seen of it, in a word or two."""
    if source.failure is not None:
        return source.failure.value
    return {
        SourceState.WAITING: "has not answered yet",
        SourceState.STALE: "gone quiet",
        SourceState.DOWN: "down",
        SourceState.OK: "answers",
        SourceState.OFF: "off",
    }[source.state]
