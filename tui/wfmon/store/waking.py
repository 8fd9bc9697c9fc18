"""When an ack or a snooze ends before its time: the alert got worse than it was when somebody took it."""

from __future__ import annotations

from wfmon.model.episode import Sighting
from wfmon.model.settings import WakeSettings
from wfmon.store.rows import MEMBERS, Row, in_force
from wfmon.text.numbers import measure

# A time goes up by itself: how long it may is what the lease says.
TIME = "seconds"
# A collector tells every 20 s what it sees: longer than this it saw nothing.
HOLE_SECONDS = 60.0
WORSE = 1.05  # what came back after a hole is worse from this factor on


def why_woken(row: Row, sighting: Sighting, terms: WakeSettings, now: float) -> str | None:
    """Why what is seen now ends the ack of ``row``, in words; None while it may hold on.

    It is held against what the alert was when it was taken; what is not known of that wakes nobody.
    After a time without data it need not have doubled: worse than at the ack, and than when it was last
    seen, is enough (alerting-and-burn 5).
    """
    if in_force(row, now) is None:
        return None
    then = row.at_ack
    if terms.severity and then.severity is not None and sighting.severity > then.severity:
        return f"severity rose ({then.severity.word} → {sighting.severity.word})"
    if terms.value_factor is not None and sighting.unit != TIME:
        grown = _grown(row, sighting, terms.value_factor, now)
        if grown is not None:
            return grown
    # A full list may have hidden a member that was one already.
    if terms.member and then.members is not None and len(then.members) < MEMBERS:
        joined = sorted(set(sighting.members[:MEMBERS]) - set(then.members))
        if joined:
            more = f" and {len(joined) - 1} more" if len(joined) > 1 else ""
            return f"{joined[0]}{more} joined"
    return None


def _grown(row: Row, sighting: Sighting, factor: float, now: float) -> str | None:
    then, value = row.at_ack.value, sighting.value
    if then is None or value is None or not 0 < then < value:
        return None
    steps = f"({measure(then, sighting.unit)} → {measure(value, sighting.unit)})"
    if value >= factor * then:
        return f"value doubled {steps}" if factor == 2 else f"value {factor:g} times as high {steps}"
    last = row.record.value
    unseen = now - row.record.last_seen_at > HOLE_SECONDS
    if unseen and value > WORSE * then and (last is None or value > WORSE * last):
        return f"came back worse {steps}"
    return None
