"""An episode that is over, in words: from when to when, how bad, who had it."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.model.alert import Alert, AlertState
from wfmon.model.record import replace
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.moments import told
from wfmon.ui.panes.facts import fact
from wfmon.ui.panes.measured import amount, figures
from wfmon.ui.panes.words import who_had
from wfmon.ui.rows import Row


def span(look: Look, begin: float, end: float, now: float) -> str:
    """``14:00–14:06``, ``Sun 02:51–03:40``, ``Sun 23:50–Mon 00:10``; the day of ``now`` goes without
    saying."""
    first, last = told(begin, now, look.zone), told(end, now, look.zone)
    day, _, clock = last.rpartition(" ")
    return f"{first}–{clock if first.rpartition(' ')[0] == day else last}"


def from_to(look: Look, alert: Alert, now: float) -> str:
    return span(look, alert.since, alert.ended_at if alert.ended_at is not None else now, now)


def lasted(look: Look, alert: Alert) -> str:
    """How long; ``≥`` where the data begins in the middle of it."""
    if alert.ended_at is None:
        return numbers.UNKNOWN
    whole = numbers.duration(float(int(max(0.0, alert.ended_at - alert.since))))
    return look.signs.least(whole) if alert.since_at_least else whole


def worst(alert: Alert) -> str:
    """The peak, or what else is known of how bad it was, in its unit."""
    return amount(alert.peak if alert.peak is not None else alert.value, alert.unit)


def as_then(alert: Alert, at: float) -> Alert:
    """The episode as it stood at ``at``, as far as that can be told without a record of that moment."""
    going = alert.since <= at and (alert.ended_at is None or at < alert.ended_at)
    return replace(alert, state=AlertState.FIRING if going else AlertState.RESOLVED, ack=None)


def episode_rows(look: Look, width: int, alert: Alert, at: float, now: float, *, shared: bool) -> list[Row]:
    """The whole episode from the view of the moment ``at`` in it: from when to when and who had it; then
    how bad it was, and how often it went and came back."""
    if alert.ended_at is None:
        parts = [f"since {told(alert.since, now, look.zone)}, goes on now"]
    else:
        parts = [f"{from_to(look, alert, now)}, {lasted(look, alert)}"]
        parts.append(who_had(alert, shared))
    dot = f" {look.signs.dot} "
    rows = [fact(look, width, "episode", (dot.join(parts), "strong"), right=(_place(alert, at), "muted"))]
    words = dot.join(_how_bad(look, alert))
    return [*rows, fact(look, width, "", (words, "text"))] if words else rows


def _how_bad(look: Look, alert: Alert) -> Iterator[str]:
    told = ", ".join(figures(alert))
    if told or alert.peak is not None:
        yield told or f"peak {worst(alert)}"
    if alert.n:
        counted = numbers.count(alert.n)
        failed = f"last {numbers.count(alert.failed)} of {counted} failed"
        yield failed if alert.failed is not None else f"n {counted}"
    yield f"{look.signs.flap}{alert.flaps}"


def _place(alert: Alert, at: float) -> str:
    if at < alert.since:
        return f"begins in {numbers.duration(float(int(alert.since - at)))}"
    if alert.ended_at is not None and at >= alert.ended_at:
        return f"ended {numbers.duration(float(int(at - alert.ended_at)))} before"
    into = int(at - alert.since)
    return f"{numbers.duration(float(into))} into it" if into else "its begin"
