"""The rules about running runs, given what they ask for of what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.analysis.rules import runaway, stall, timeout
from wfmon.analysis.runindex import RunIndex
from wfmon.model.alert import Finding
from wfmon.model.run import Run
from wfmon.monitor.picture import silent_sources

if TYPE_CHECKING:
    from wfmon.monitor.rulebook import Known


def timeouts(known: Known) -> tuple[Finding, ...]:
    return timeout.evaluate(
        _running(known),
        known.rules.timeout,
        known.now,
        baselines=known.baselines,
        limits=known.rules.limits,
        unseen=_unread(known),
        runbooks=_runbooks(known),
    )


def runaways(known: Known) -> tuple[Finding, ...]:
    return runaway.evaluate(
        _running(known),
        known.rules.runaway,
        known.now,
        baselines=known.baselines,
        limits=known.rules.limits,
        unseen=_unread(known),
        runbooks=_runbooks(known),
    )


def stalls(known: Known) -> tuple[Finding, ...]:
    return stall.evaluate(
        _indexes(known),
        known.rules.stall,
        known.now,
        rows={row.name: row for row in known.picture.workflows},
        host=known.host,
        unseen=_unread(known),
    )


def _indexes(known: Known) -> dict[str, RunIndex]:
    return {name: index for source in known.picture.logs for name, index in source.indexes.items()}


def _running(known: Known) -> Mapping[str, Sequence[Run]]:
    """Also of workflows without an open run: what was found of them is then over."""
    return {name: index.runs.open for name, index in _indexes(known).items()}


def _unread(known: Known) -> frozenset[str]:
    """Workflows whose log is not read now. Open runs come from logs alone, so a metrics source that is
    down, and leaves the finished ones unseen, takes nothing away here."""
    silent = silent_sources(known.picture)
    return frozenset(
        name for source in known.picture.logs if source.source in silent for name in source.indexes
    )


def _runbooks(known: Known) -> dict[str, str | None]:
    return {row.name: row.runbook for row in known.picture.workflows if row.runbook is not None}
