"""Rule ``silence``, given what it asks for of what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wfmon.analysis.episodes import EpisodeMemory
from wfmon.analysis.rules import silence
from wfmon.model.alert import Finding
from wfmon.model.source import SourceState, SourceStatus

if TYPE_CHECKING:
    from wfmon.monitor.rulebook import Known

TELL_OF_RUNS = frozenset({"prometheus", "scrape", "logs"})  # kinds of sources


def silences(known: Known) -> tuple[Finding, ...]:
    picture = known.picture
    return silence.evaluate(
        picture.workflows,
        known.rules.silence,
        known.now,
        baselines=known.baselines,
        limits=known.rules.limits,
        indexes={name: past.index for name, past in picture.pasts.items()},
        open_runs=known.open_runs,
        unseen=known.unseen,
        answering=_answering(picture.sources),
        open_since=_open_since(known.memory),
    )


def _answering(sources: tuple[SourceStatus, ...]) -> bool:
    """Whether whoever may tell of runs answers, and whole: of which of them a workflow was is not known."""
    telling = [source.state for source in sources if source.kind in TELL_OF_RUNS]
    wanted = [state for state in telling if state is not SourceState.OFF]
    return bool(wanted) and all(state is SourceState.OK for state in wanted)


def _open_since(memory: EpisodeMemory) -> dict[str, float]:
    """By workflow, since when an alert of the rule is open."""
    stored = {
        record.workflow: record.began_at
        for (rule, _), record in memory.stored.items()
        if rule == silence.RULE and record.ended_at is None and record.workflow is not None
    }
    episodes = {
        episode.shown.workflow: episode.since
        for (rule, _), episode in memory.episodes.items()
        if rule == silence.RULE and episode.ended_at is None and episode.shown.workflow is not None
    }
    return {**stored, **episodes}
