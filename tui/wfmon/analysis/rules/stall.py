"""Rule ``stall``: a run goes on without a sign of life (alerting-and-burn 4.4).

A sign of life is a line in its log; where the workflow has no other open run, also tokens or money that a
metrics source counts for it, and CPU of its processes. How long a run may be silent is what the settings
say, or twice what runs of this workflow that ended well were silent for: one that writes a line at its
begin and one at its end is not stalled in between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum, auto
from re import findall

from wfmon.analysis.openruns import (
    MOST_CONTRIBUTORS,
    Over,
    calm,
    counted,
    members,
    open_step,
    where,
    worst_first,
)
from wfmon.analysis.quantile import quantile
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.words import span
from wfmon.model.alert import Finding, Severity
from wfmon.model.host import HostSample, WorkflowProcesses
from wfmon.model.run import Run, RunStatus
from wfmon.model.settings import StallSettings
from wfmon.model.snapshot import Workflow

RULE = "stall"
UNIT = "seconds"
IDLE_CPU = 0.01  # of one core: less is no work ...
BUSY_CPU = 0.05  # ... and more is; between the two an open alert stays, and none begins
USUAL_FACTOR = 2.0
USUAL_RUNS = 5  # fewer tell nothing of how silent runs usually are
# Words in the name of a step that calls somebody else.
CALLS = frozenset(
    {"tool", "tools", "llm", "call", "calls", "request", "http", "api", "model", "chat", "completion"}
    | {"completions", "generate", "generation", "embed", "embedding", "embeddings", "query", "search"}
    | {"fetch", "browse", "browser", "invoke", "prompt", "agent"}
)


class _Life(Enum):
    """What else than its log says of a run: that it works, that it may, nothing."""

    WORKS = auto()
    MAY = auto()
    NOTHING = auto()


def evaluate(
    indexes: Mapping[str, RunIndex],
    settings: StallSettings,
    now: float,
    *,
    rows: Mapping[str, Workflow],
    host: HostSample | None,
    unseen: Collection[str] = (),
) -> tuple[Finding, ...]:
    """One finding per workflow that logs tell of. ``host``: None while nobody looks at processes: CPU then
    says nothing. ``unseen``: workflows whose log is not read now."""
    if not settings.enabled:
        return ()
    processes = {} if host is None else {each.workflow: each for each in host.workflows}
    findings = []
    for name, index in indexes.items():
        row = rows.get(name)
        book = row.runbook if row is not None else None
        if name in unseen:
            findings.append(calm(RULE, name, Severity.WARNING, UNIT, "no data", holds=None, runbook=book))
            continue
        silent = _silent(index, settings, now) if index.runs.open else []
        life = _life(index, row, processes.get(name)) if silent else _Life.NOTHING
        if silent and life is _Life.NOTHING:
            findings.append(_finding(name, worst_first(silent), book))
        else:
            words = "every run shows signs of life" if index.runs.open else "no open run"
            may = life is _Life.MAY
            findings.append(calm(RULE, name, Severity.WARNING, UNIT, words, between=may, runbook=book))
    return tuple(findings)


def _silent(index: RunIndex, settings: StallSettings, now: float) -> list[Over]:
    """Open runs whose log has been silent for too long."""
    found = []
    usual: float | None = None
    for run in index.runs.open:
        last = last_sign(run)
        if last is None or now - last <= settings.after_seconds:
            continue
        if usual is None:
            usual = _usual_silence(index) or 0.0
        in_call = _calls(run)
        after = settings.in_step_seconds if in_call else settings.after_seconds
        limit = max(settings.after_seconds, after, USUAL_FACTOR * usual)
        if now - last > limit:
            found.append(Over(run, now - last, limit, "in a call" if in_call else "", last))
    return found


def last_sign(run: Run) -> float | None:
    """When its log last told of it; None: it tells no time."""
    return max((at for at in (run.last_line_at, run.started_at) if at is not None), default=None)


def _usual_silence(index: RunIndex) -> float | None:
    """p95 of the longest silence within each of the last runs that ended well, in seconds."""
    silences = sorted(
        run.quiet_seconds
        for run in index.recent
        if run.status is RunStatus.SUCCESS and run.quiet_seconds is not None
    )
    return quantile(silences, 0.95) if len(silences) >= USUAL_RUNS else None


def _calls(run: Run) -> bool:
    """Whether the step that goes on waits for somebody else: it names a model, or its name says so."""
    step = open_step(run)
    if step is None:
        return False
    return step.model is not None or not CALLS.isdisjoint(_words(step.name))


def _words(name: str) -> list[str]:
    """``WebSearchTool`` and ``web_search.tool`` are the same words."""
    return [word.lower() for word in findall("[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def _life(index: RunIndex, row: Workflow | None, processes: WorkflowProcesses | None) -> _Life:
    """What processes and metrics say; of several open runs they say nothing."""
    if len(index.runs.open) != 1:
        return _Life.NOTHING
    (run,) = index.runs.open
    if row is not None and _spends(row, run.source):
        return _Life.WORKS
    if (
        processes is None
        or not processes.processes
        or (run.pid is not None and run.pid not in processes.pids)
    ):
        return _Life.NOTHING
    if processes.cpu_ratio is None:
        return _Life.MAY
    if processes.cpu_ratio >= BUSY_CPU:
        return _Life.WORKS
    return _Life.MAY if processes.cpu_ratio >= IDLE_CPU else _Life.NOTHING


def _spends(row: Workflow, log: str) -> bool:
    """Whether another source than its log counts tokens or money for it now."""
    figures = (("tokens", row.tokens_per_minute), ("cost", row.cost_usd_per_hour))
    origin = dict(row.origin)
    return any(value is not None and value > 0 and origin.get(name) != log for name, value in figures)


def _finding(workflow: str, silent: list[Over], runbook: str | None) -> Finding:
    worst = silent[0]
    since = min(each.since for each in silent if each.since is not None)
    allowed = f"allowed {span(worst.limit)}" + (f" {worst.why}" if worst.why else "")
    return Finding(
        rule=RULE,
        labels=(("workflow", workflow),),
        severity=Severity.WARNING,
        holds=True,
        summary=f"{counted(silent, 'stalled')}no sign of life for {span(worst.value)}, {allowed}",
        workflow=workflow,
        value=worst.value,
        threshold=worst.limit,
        n=len(silent),
        unit=UNIT,
        since=since,
        runbook=runbook,
        members=members(silent),
        contributors=tuple(where(each, span(each.value)) for each in silent[:MOST_CONTRIBUTORS]),
    )
