"""Alerts that were open when the last collector saw them, and of which no finding has spoken since.

Until one does they are open without data: that a process began anew ends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.analysis.episode import OWN, UNSEEN_SECONDS
from wfmon.analysis.episodes import EpisodeMemory
from wfmon.analysis.shown import of_before
from wfmon.model.alert import Alert
from wfmon.model.episode import EpisodeKey, EpisodeRecord
from wfmon.model.source import SourceState
from wfmon.monitor.picture import Picture
from wfmon.monitor.settings import RuleSettings

_OF_HOST = ("memory", "storage")


def unheard(
    memory: EpisodeMemory,
    records: Mapping[EpisodeKey, EpisodeRecord],
    picture: Picture,
    rules: RuleSettings,
    now: float,
) -> tuple[Alert, ...]:
    """``records``: what the store knows now. What nobody asks after any more (its rule is switched off, its
    source is not configured) is not among them."""
    asked = {source.name: source.kind for source in picture.sources if source.state is not SourceState.OFF}
    found = []
    for key in memory.stored:
        record = records.get(key)
        if record is None or record.ended_at is not None or now - record.last_seen_at > UNSEEN_SECONDS:
            continue
        if _is_asked(record, asked, rules):
            found.append(of_before(record))
    return tuple(found)


def _is_asked(record: EpisodeRecord, asked: Mapping[str, str], rules: RuleSettings) -> bool:
    """``asked``: the kinds of the sources that are, by name."""
    if record.source != OWN:
        return record.source in asked
    settings = getattr(rules, record.rule, None)
    if not getattr(settings, "enabled", False):
        return False
    if record.rule in _OF_HOST:
        return "host" in asked.values()
    source = dict(record.labels).get("source")
    return source is None or source in asked
