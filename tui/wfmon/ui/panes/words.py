"""Alerts in words: what about, what was measured, who has it."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.shown import FLAPPING
from wfmon.model.alert import Ack, Alert, AlertState
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.rows import cut, width_of

OURS = "wfmon"  # the source of an alert that no other system told of
# Labels that say, in this order, what an alert of another system is about.
_SUBJECTS = ("instance", "service", "job", "node", "host", "pod")
_BLIND = "no data, last known: "
ROOM = 200  # cells in which nothing of ``standing`` need give way


def subject(alert: Alert) -> str:
    """The workflow, or what else the alert is about (a mount, a source)."""
    if alert.workflow:
        return alert.workflow
    if alert.source != OURS:
        labels = dict(alert.labels)
        return next((labels[name] for name in _SUBJECTS if labels.get(name)), "")
    about = next((value for _name, value in alert.labels), "host")
    return "host" if about == alert.rule else about


def fact(alert: Alert) -> str:
    """What was measured, against what; of an alert of another system its name before it."""
    if alert.rule == "failure_rate" and alert.value is not None and alert.threshold is not None:
        words = f"{numbers.percent(alert.value)} > {numbers.percent(alert.threshold)}"
    else:
        summary = alert.summary.removeprefix(FLAPPING)  # how often stands beside
        words = summary.removeprefix(subject(alert)).lstrip(" :") or summary
        if alert.source == OURS:  # memory: its name stands beside
            words = words.removeprefix(f"{alert.rule} ")
        if words.startswith(_BLIND):  # the state says it beside
            words = f"last {words.removeprefix(_BLIND)}"
    return words if alert.source == OURS else f"{alert.source}: {words}"


def lasting(alert: Alert, now: float) -> str:
    """``for 3m12s``; ``for ≥ 3m`` where the data begins in the middle of it."""
    seconds = max(0.0, now - alert.since)
    if alert.since_at_least:
        return f"for ≥ {numbers.age(seconds)}"
    return f"for {numbers.duration(float(int(seconds)))}"


def standing(alert: Alert, look: Look, now: float, room: int) -> str:
    """Who has it until when, or since when it lasts and how much, in ``room`` cells."""
    if alert.unsaved:
        return f"NOT SAVED: {alert.unsaved}"
    match alert.state:
        case AlertState.ACKED | AlertState.SNOOZED if alert.ack is not None:
            return _held(alert.state.value, alert.ack, look, now, room)
        case AlertState.SILENCED:
            return _silenced(alert, look, now, room)
        case AlertState.INHIBITED:
            return _quieted(alert, room, look)
        case AlertState.PENDING:
            return f"pending {lasting(alert, now)}"
        case AlertState.NO_DATA:
            return f"no data {lasting(alert, now)}"
    if alert.taken:
        return alert.state.value
    words = lasting(alert, now)
    if alert.failed and room >= 22:
        words = f"{words:<11} {numbers.count(alert.failed)} failed"
    return words


def ended_ago(ended: Sequence[Alert], now: float) -> str:
    """``1 ended 6m ago``, ``7 ended, last 2s ago``; ``ended``: one at least, newest first."""
    at = ended[0].ended_at if ended[0].ended_at is not None else now
    words = "1 ended" if len(ended) == 1 else f"{len(ended)} ended, last"
    return f"{words} {numbers.age(max(0.0, now - at))} ago"


def who_had(alert: Alert, shared: bool) -> str:
    if alert.had:
        return f"{', '.join(alert.had)} had it"
    if alert.ack is not None:
        return f"{alert.ack.by} had it"
    return "nobody had it" if shared else "not acked by you"


def called(by: str) -> str:
    """Who, without from where: of ``joe (root from pts/6)`` and of ``joe from pts/6`` it is ``joe``."""
    return by.partition(" (")[0].partition(" from ")[0]


def sharing(ack: Ack) -> str:
    """Whether an Alertmanager mutes it too: ``shared``, ``not shared: …``; empty where nobody asked."""
    if ack.shared:
        return "shared"
    if ack.problem is not None:
        return ack.problem if ack.problem.startswith("not shared") else f"not shared: {ack.problem}"
    return "not shared yet" if ack.via is not None else ""


def other_hand(alert: Alert) -> Ack | None:
    """Who keeps it elsewhere; None where nobody does, or it is the silence that shares the ack."""
    held, ack = alert.held, alert.ack
    if held is None or ack is None or held.silence is None or held.silence != ack.silence:
        return held
    return None


def _held(word: str, ack: Ack, look: Look, now: float, room: int) -> str:
    """``acked joe 12m, wakes 15:00 · shared``. What gives way first: from where they are, ``acked`` to
    ``shared``, ``wakes``, why it is not shared, the age; never who, until when, and whether it is shared."""
    name, short = ack.by, called(ack.by)
    age = f" {numbers.age(max(0.0, now - ack.at))}"
    if ack.until is None or ack.until_resolved:
        end = brief = " until resolved"
    else:
        at = look.minute(ack.until, now)
        end, brief = f", wakes {at}", f" {at}"
    dot, told = f" {look.signs.dot} ", sharing(ack)
    extra, less = (dot + told if told else ""), ""
    tight = "shared" if ack.shared else word
    if extra and not ack.shared:
        less = f"{dot}not shared"
    forms = (
        f"{word} {name}{age}{end}{extra}",
        f"{word} {short}{age}{end}{extra}",
        f"{tight} {short}{age}{end}{less}",
        f"{tight} {short}{age} till{brief}{less}" if end != brief else "",
        f"{tight} {short}{age}{brief}{less}",
        f"{short}{age}{brief}{less}" if less else "",
        f"{tight} {short} till{brief}{less}" if end != brief else "",
        f"{tight} {short}{brief}{less}",
        f"{short}{brief}{less}" if less else "",
    )
    fitting = next((words for words in forms if words and width_of(words) <= room), None)
    if fitting is not None:
        return fitting
    left = max(4, room - width_of(f"{tight} {brief}"))
    return f"{tight} {cut(short, left, look.signs.cut)}{brief}"


def _silenced(alert: Alert, look: Look, now: float, room: int) -> str:
    """``silenced dana until 15:00``: no one of us does it, and it may be about more than this."""
    held = alert.ack
    if held is None:
        return _quieted(alert, room, look)
    end = "" if held.until is None else f" until {look.minute(held.until, now)}"
    left = max(4, room - width_of(f"silenced {end}"))
    return f"silenced {cut(held.by, left, look.signs.cut)}{end}"


def _quieted(alert: Alert, room: int, look: Look) -> str:
    """``inhibited by HostDown``, as the other system says it."""
    word = alert.state.value
    if not alert.quieted:
        return word
    if alert.quieted.startswith(word):
        return cut(alert.quieted, room, look.signs.cut)
    by = "" if alert.quieted.startswith("by ") else "by "
    return cut(f"{word} {by}{alert.quieted}", room, look.signs.cut)
