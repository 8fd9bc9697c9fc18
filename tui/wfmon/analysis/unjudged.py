"""What the rules cannot say of the present."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wfmon.analysis.episode import Episode
from wfmon.analysis.words import span
from wfmon.model.alert import Finding
from wfmon.model.episode import EpisodeKey, Unjudged


def unjudged(
    findings: Iterable[Finding], episodes: Mapping[EpisodeKey, Episode], now: float
) -> tuple[Unjudged, ...]:
    """Rules without an answer, and conditions that hold since the data begins, for less than they
    must: both are unknown, not fine. Of rules that still learn, or wait for a window to be covered that
    nothing but time can cover, it is told that they do. One per rule and labels, and none where an alert
    is open."""
    found: dict[EpisodeKey, Unjudged] = {}
    for finding in findings:
        key: EpisodeKey = (finding.rule, finding.labels)
        episode = episodes.get(key)
        if episode is not None and episode.firing:
            continue
        learning = finding.learning and not finding.holds
        text = finding.summary if learning or finding.holds is None else _too_young(finding, episode, now)
        if text is not None and (key not in found or (found[key].learning and not learning)):
            found[key] = Unjudged(key, finding.workflow, text, learning)
    return tuple(found.values())


def _too_young(finding: Finding, episode: Episode | None, now: float) -> str | None:
    if not finding.holds or episode is None:
        return None
    level = next((each for each in episode.levels if each.severity is finding.severity), None)
    if level is None or level.fired_at is not None or level.endless or not level.at_least:
        return None
    return f"{finding.summary}, only {span(now - level.since)} of history, need {span(finding.for_seconds)}"
