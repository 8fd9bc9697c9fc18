"""The rules about running runs, given what they ask for of what is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.rules import runaway, stall, timeout
from wfmon.model.alert import Finding
from wfmon.model.run import Run
from wfmon.monitor.picture import silent_sources

if TYPE_CHECKING:
    from wfmon.monitor.rulebook import Known


def timeouts(known: Known) -> tuple[Finding, ...]:
    return tuple(
        finding
        for source in known.picture.logs
        for finding in timeout.evaluate(
            _running(source),
            known.rules.timeout,
            _read_at(source, known),
            baselines=known.baselines,
            limits=known.rules.limits,
            unseen=_unread(source, known),
            runbooks=_runbooks(known),
        )
    )


def runaways(known: Known) -> tuple[Finding, ...]:
    return tuple(
        finding
        for source in known.picture.logs
        for finding in runaway.evaluate(
            _running(source),
            known.rules.runaway,
            _read_at(source, known),
            baselines=known.baselines,
            limits=known.rules.limits,
            unseen=_unread(source, known),
            runbooks=_runbooks(known),
        )
    )


def stalls(known: Known) -> tuple[Finding, ...]:
    rows = {row.name: row for row in known.picture.workflows}
    return tuple(
        finding
        for source in known.picture.logs
        for finding in stall.evaluate(
            source.indexes,
            known.rules.stall,
            _read_at(source, known),
            rows=rows,
            host=known.host,
            unseen=_unread(source, known),
        )
    )


def _read_at(source: ObservedRuns, known: Known) -> float:
    """Up to when it is known that the open runs are open: what was not read since may have ended."""
    return min(source.at, known.now)


def _running(source: ObservedRuns) -> Mapping[str, Sequence[Run]]:
    """Also of workflows without an open run: what was found of them is then over."""
    return {name: index.runs.open for name, index in source.indexes.items()}


def _unread(source: ObservedRuns, known: Known) -> Collection[str]:
    """Workflows whose log is not read now. Open runs come from logs alone, so a metrics source that is
    down, and leaves the finished ones unseen, takes nothing away here."""
    return source.indexes if source.source in silent_sources(known.picture) else ()


def _runbooks(known: Known) -> dict[str, str | None]:
    return {row.name: row.runbook for row in known.picture.workflows if row.runbook is not None}
