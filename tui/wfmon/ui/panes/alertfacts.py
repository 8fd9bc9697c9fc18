"""One alert in words: its rule, what is measured now, what it comes from, who has it."""

from __future__ import annotations

from wfmon.model.alert import Alert, AlertState
from wfmon.model.ruleinfo import RuleInfo
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.episode import episode_rows
from wfmon.ui.panes.facts import LABEL_WIDTH, fact, head, wrapped_fact
from wfmon.ui.panes.holders import note_rows, who_rows
from wfmon.ui.panes.measured import amount, episode_words, now_rows
from wfmon.ui.panes.retention import RETENTION
from wfmon.ui.panes.words import OURS, lasting, subject
from wfmon.ui.rows import Row, cut, width_of, wrap
from wfmon.ui.views.base import Frame

_RULE_ROWS = 3
_TIGHT, _ROOMY = 20, 30  # rows of the screen from which on there is room for more notes


def alert_head(frame: Frame, alert: Alert | None, alert_id: str, paused_at: float | None) -> Row:
    """``✖ failure_rate · invoice_extract      critical, firing for 3m12s · ↯0``."""
    look = frame.look
    if alert is None:
        return head(frame, (look.signs.unknown, "unknown"), alert_id, " · not listed any more", paused_at)
    dot = f" {look.signs.dot} "
    words = f"{alert.severity.word}, {_standing(alert, frame.now)}{dot}{look.signs.flap}{alert.flaps}"
    about = subject(alert)
    rest = f"{dot}{about}" if about else ""
    return head(frame, look.alert_sign(alert), alert.rule, rest, paused_at, words)


def alert_rows(frame: Frame, snapshot: Snapshot, alert: Alert, by: str) -> list[Row]:
    """``by``: who looks, where acks are private."""
    look, width = frame.look, frame.width
    rows = [*rule_rows(look, width, snapshot, alert), *now_rows(look, width, snapshot, alert)]
    episode = episode_words(look, alert)
    if episode:
        rows.append(fact(look, width, "episode", (episode, "text")))
    rows += story_rows(look, width, alert)
    rows += who_rows(frame, snapshot, alert, by)
    return rows + notes_in(frame, alert)


def past_rows(
    frame: Frame, alert: Alert, whole: Alert | None, latest: Snapshot | None, now: float, by: str
) -> list[Row]:
    """The alert as it stood then, where that is known, and the whole episode, where it is known. ``latest``
    and ``now``: from which the episode is told."""
    look, width, snapshot = frame.look, frame.width, frame.snapshot
    rows = rule_rows(look, width, snapshot, alert)
    stood = snapshot is not None and any(one.id == alert.id and one.open for one in snapshot.alerts)
    if stood and snapshot is not None:
        rows += now_rows(look, width, snapshot, alert, past=True)
    if whole is not None:
        shared = latest is not None and latest.acks_shared
        rows += episode_rows(look, width, whole, frame.now, now, shared=shared)
    rows += story_rows(look, width, whole or alert)
    if stood and snapshot is not None:
        rows += who_rows(frame, snapshot, alert, by)
    return rows + notes_in(frame, whole or alert)


def notes_in(frame: Frame, alert: Alert) -> list[Row]:
    most = 2 if frame.height < _TIGHT else 4 if frame.height < _ROOMY else 8
    return note_rows(frame.look, frame.width, alert, frame.now, most)


def story_rows(look: Look, width: int, alert: Alert) -> list[Row]:
    """What it comes from, and what else its own system says of it."""
    rows = []
    if alert.contributors:
        words = f" {look.signs.dot} ".join(alert.contributors)
        rows += wrapped_fact(look, width, "from", words, "text", 2)
    if alert.members:
        rows.append(fact(look, width, "members", (_members(alert, width - LABEL_WIDTH), "text")))
    if alert.foreign is not None:
        if alert.foreign.description:
            rows += wrapped_fact(look, width, "says", alert.foreign.description, "text", 2)
        if alert.foreign.receivers:
            rows.append(fact(look, width, "tells", (", ".join(alert.foreign.receivers), "text")))
    return rows


def rule_rows(look: Look, width: int, snapshot: Snapshot | None, alert: Alert) -> list[Row]:
    """The rule in words, at the right where it is configured; what ails it beneath."""
    words, where = rule_words(snapshot, alert)
    room = width - LABEL_WIDTH
    parts = [cut(part, room, look.signs.cut) for part in wrap(words, room, _RULE_ROWS)]
    left = room - width_of(parts[-1]) - 2
    if where and left < width_of(where):
        parts, left = [*parts, ""], room - 2
    where = cut(where, left, look.signs.cut)
    rows = []
    for number, part in enumerate(parts):
        right = where if number == len(parts) - 1 else ""
        rows.append(fact(look, width, "rule" if number == 0 else "", (part, "text"), right=(right, "muted")))
    info = rule_info(snapshot, alert)
    if info is not None and info.error:
        rows += wrapped_fact(look, width, "ill", info.error, "warning", 2)
    return rows


def rule_words(snapshot: Snapshot | None, alert: Alert) -> tuple[str, str]:
    """The rule in words, and where it is configured; empty where that is not known."""
    info = rule_info(snapshot, alert)
    if info is None and alert.source != OURS:
        return "told without what it is held against", alert.source
    if info is None:
        return _rule(alert), ""
    return info.words, info.where


def rule_info(snapshot: Snapshot | None, alert: Alert) -> RuleInfo | None:
    rules = snapshot.rules if snapshot is not None else ()
    return next((one for one in rules if one.name == alert.rule and one.system == alert.source), None)


def _members(alert: Alert, room: int) -> str:
    """``3: run-1 run-2 run-3``, as many as there is room for."""
    words = f"{len(alert.members)}:"
    for number, member in enumerate(alert.members):
        left = len(alert.members) - number
        rest = f" and {left - 1} more" if left > 1 else ""
        if width_of(f"{words} {member}{rest}") > room and number:
            return f"{words} and {left} more"
        words += f" {member}"
    return words


def _standing(alert: Alert, now: float) -> str:
    if alert.state is AlertState.RESOLVED:
        if alert.ended_at is None:
            return "ended"
        whole = numbers.duration(max(0.0, alert.ended_at - alert.since))
        return f"ended {numbers.age(max(0.0, now - alert.ended_at))} ago after {whole}"
    if alert.state is AlertState.NO_DATA:
        return f"no data, {lasting(alert, now)}"
    if alert.taken:
        return f"{alert.state.value}, open {lasting(alert, now)}"
    return f"{alert.state.value} {lasting(alert, now)}"


def _rule(alert: Alert) -> str:
    """The rule as far as the alert itself tells it: of a past moment, or of a collector that says no more."""
    threshold = alert.threshold
    if alert.rule == RETENTION:
        return "logs and metrics reach back as far as they should"
    if threshold is None:
        return alert.rule
    limit = amount(threshold, alert.unit)
    match alert.rule:
        case "failure_rate":
            over = f" over {numbers.duration(alert.window_seconds)}" if alert.window_seconds else ""
            return f"failed / finished runs{over}, surely above {limit}"
        case "memory":
            return f"memory of the host used, above {limit}"
        case "storage":
            what = "inodes" if dict(alert.labels).get("resource") == "inodes" else "space"
            return f"{what} used, above {limit}"
        case "source_down":
            return f"no answer for {limit}"
        case _:
            return f"{alert.rule} above {limit}"
