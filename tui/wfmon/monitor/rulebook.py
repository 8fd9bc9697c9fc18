"""The rules and what each is given of what is known: one line here per rule.

A rule itself is a pure function in ``analysis/rules``. One that fails fails alone: see ``Judge``. One that
keeps something between evaluations is an object of its own, made in ``rulebook``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wfmon.analysis.episodes import EpisodeMemory
from wfmon.analysis.rules import (
    budget_burn,
    cost_spike,
    failure_rate,
    retention,
    runaway,
    silence,
    source_down,
    stall,
    timeout,
)
from wfmon.model.alert import Finding
from wfmon.model.baseline import Baseline
from wfmon.model.host import HostSample
from wfmon.model.record import dataclass
from wfmon.model.run import Run
from wfmon.model.source import SourceState
from wfmon.monitor import hostrules
from wfmon.monitor.costs import cost_spikes
from wfmon.monitor.failures import FailureRates
from wfmon.monitor.picture import Picture, silent_sources
from wfmon.monitor.running import runaways, stalls, timeouts
from wfmon.monitor.settings import RuleSettings
from wfmon.monitor.silent import silences


@dataclass(frozen=True, slots=True)
class Known:
    """What rules may look at, at ``now`` (POSIX seconds).

    ``host``: None while no host source answers: its rules are then unknown, not fine. ``unseen``:
    workflows whose runs come from a source that does not answer now. ``open_runs``: by workflow.
    ``baselines``: also of workflows that are not seen now.
    """

    now: float
    picture: Picture
    memory: EpisodeMemory
    rules: RuleSettings
    host: HostSample | None
    unseen: frozenset[str]
    open_runs: Mapping[str, Sequence[Run]]
    baselines: Mapping[str, Baseline]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    evaluate: Callable[[Known], Sequence[Finding]]


def known(picture: Picture, memory: EpisodeMemory, rules: RuleSettings, now: float) -> Known:
    return Known(
        now=now,
        picture=picture,
        memory=memory,
        rules=rules,
        host=_answering_host(picture),
        unseen=unseen(picture),
        open_runs={
            name: index.runs.open
            for source in picture.logs
            for name, index in source.indexes.items()
            if index.runs.open
        },
        baselines=picture.baselines,
    )


def unseen(picture: Picture) -> frozenset[str]:
    """Workflows whose runs come from a source that does not answer now."""
    silent = silent_sources(picture)
    return frozenset(row.name for row in picture.workflows if dict(row.origin).get("runs") in silent)


def _answering_host(picture: Picture) -> HostSample | None:
    ok = any(source.kind == "host" and source.state is SourceState.OK for source in picture.sources)
    return picture.host if ok else None


def _foreign(known: Known) -> Sequence[Finding]:
    """Loaded where another system has alerts, or had one that is open."""
    if not known.picture.foreign and not any(
        name == "alertname"
        for _, labels in (*known.memory.stored, *known.memory.episodes)
        for name, _ in labels
    ):
        return ()
    from wfmon.analysis import foreign

    return foreign.findings(
        known.picture.foreign, known.picture.sources, known.memory, known.rules.aliases, known.now
    )


def _budgets(known: Known) -> Sequence[Finding]:
    accounts = known.picture.cost.accounts
    statuses = () if accounts is None else accounts.budgets
    return budget_burn.evaluate(statuses, known.rules.budget_burn, known.now)


RULES: tuple[Rule, ...] = (
    Rule(timeout.RULE, timeouts),
    Rule(stall.RULE, stalls),
    Rule(runaway.RULE, runaways),
    Rule(silence.RULE, silences),
    Rule(cost_spike.RULE, cost_spikes),
    Rule(budget_burn.RULE, _budgets),
    Rule(
        source_down.RULE,
        lambda known: source_down.evaluate(known.picture.sources, known.rules.source_down, known.now),
    ),
    Rule(
        retention.RULE,
        lambda known: retention.evaluate(known.picture.retention, known.rules.retention, known.now),
    ),
)


def rulebook() -> tuple[Rule, ...]:
    """Every rule, for one judge."""
    host = hostrules.HostRules()
    return (
        Rule(failure_rate.RULE, FailureRates().evaluate),
        Rule(hostrules.MEMORY, host.memory),
        Rule(hostrules.STORAGE, host.storage),
        *RULES,
        Rule("foreign", _foreign),
    )
