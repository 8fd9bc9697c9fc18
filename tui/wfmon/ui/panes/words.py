"""Alerts in words: what about, what was measured, who has it."""

from __future__ import annotations

from wfmon.model.alert import Alert, AlertState
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.rows import cut, width_of


def subject(alert: Alert) -> str:
    """The workflow, or what else the alert is about (a mount, a source)."""
    if alert.workflow:
        return alert.workflow
    return next((value for _name, value in alert.labels), "host")


def fact(alert: Alert) -> str:
    """What was measured, against what."""
    if alert.rule == "failure_rate" and alert.value is not None and alert.threshold is not None:
        return f"{numbers.percent(alert.value)} > {numbers.percent(alert.threshold)}"
    return alert.summary.removeprefix(subject(alert)).lstrip(" :") or alert.summary


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
    if alert.taken:
        return _taken(alert, look, now, room)
    words = lasting(alert, now)
    if alert.state is AlertState.NO_DATA:
        words = f"no data {words}"
    if alert.failed and room >= 22:
        words = f"{words:<11} {numbers.count(alert.failed)} failed"
    return words


def who_had(alert: Alert, shared: bool) -> str:
    if alert.had:
        return f"{', '.join(alert.had)} had it"
    if alert.ack is not None:
        return f"{alert.ack.by} had it"
    return "nobody had it" if shared else "not acked by you"


def _taken(alert: Alert, look: Look, now: float, room: int) -> str:
    ack = alert.ack
    if ack is None:
        return alert.state.value
    if ack.until_resolved or ack.until is None:
        end = ", until it ends"
    else:
        end = f", wakes {look.minute(ack.until, now)}"
    head = f"{alert.state.value} "
    left = max(4, room - width_of(head) - width_of(end))
    name = ack.by if width_of(ack.by) <= left else ack.by.partition(" from ")[0]
    if width_of(name) > left and ack.until is not None:
        # Who it is counts for more than the word before the time.
        end = f" {look.minute(ack.until, now)}"
        left = max(4, room - width_of(head) - width_of(end))
    return head + cut(name, left, look.signs.cut) + end
