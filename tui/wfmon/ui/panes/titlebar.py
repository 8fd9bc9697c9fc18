"""Line 1: where this is, how many inputs answer, how old the oldest is, one clock."""

from __future__ import annotations

from wfmon.model.past import PastMoment
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot
from wfmon.model.source import SourceState, SourceStatus
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.moments import told
from wfmon.ui.rows import Line, Row, width_of

_FAILING = (SourceState.DOWN, SourceState.STALE)


@dataclass(frozen=True, slots=True)
class Paused:
    """How long the screen has stood still, and how many alerts are new since."""

    seconds: float
    new_alerts: int


def title_row(
    look: Look,
    width: int,
    snapshot: Snapshot | None,
    now: float,
    *,
    view: str,
    label: str = "",
    paused: Paused | None = None,
    banner: str = "",
) -> Row:
    """``banner`` stands in the place of inputs and clock: two clocks would be one too many."""
    clock = f"{look.clock(now)} {look.zone_name(now)}"
    right: list[tuple[str, str]] = []
    if banner:
        clock = ""
        right.append((banner, "warning"))
    elif paused is not None:
        right.append((_paused(paused), "warning"))
    elif snapshot is not None:
        right.extend(_inputs(look, snapshot, now))
    if clock:
        right.append((clock, "title"))
    dot = f" {look.signs.dot} "
    host = snapshot.host_name if snapshot else "starting"
    left = dot.join(part for part in (host, label, view) if part)
    while len(right) > 1 and _size(right, dot) + width_of(left) + 9 > width:
        right.pop(-2)
    size = _size(right, dot)
    line = Line(look, width).add("wfmon  ", "muted").add(left, "title", max(0, width - 8 - size))
    line.to(width - size)
    for number, (text, role) in enumerate(right):
        line.add(dot if number else "", "rule").add(text, role)
    return line.row()


def _size(parts: list[tuple[str, str]], dot: str) -> int:
    return sum(width_of(text) for text, _ in parts) + width_of(dot) * (len(parts) - 1)


def _inputs(look: Look, snapshot: Snapshot, now: float) -> list[tuple[str, str]]:
    asked = [source for source in snapshot.sources if source.state is not SourceState.OFF]
    if not asked:
        return [("no sources", "unknown")]
    answering = sum(source.state is SourceState.OK for source in asked)
    role = "title" if answering == len(asked) else "unknown"
    parts = [(f"{answering}/{len(asked)} sources", role)]
    failing = [source for source in asked if source.state in _FAILING]
    if failing:
        parts.append((_failing(look, min(failing, key=_since), now), "unknown"))
    elif snapshot.workflows:
        live = [(source.as_of, source.name) for source in asked if source.as_of is not None]
        if live:
            at, name = min(live)
            parts.append((f"{name} {numbers.age(max(0.0, now - at))} old", "title"))
    return parts


def _since(source: SourceStatus) -> float:
    return source.failing_since or source.as_of or 0.0


def _failing(look: Look, source: SourceStatus, now: float) -> str:
    since = source.failing_since or source.as_of
    age = f" {numbers.age(max(0.0, now - since))}" if since is not None else ""
    return f"{source.name} {look.signs.critical}{age}"


def banner(look: Look, past: PastMoment | None, under_way: float | None, now: float, new_alerts: int) -> str:
    """``Mon 14:02, not live · 1 new alert``: what line 1 says of a screen that is not of now, or that is
    on its way to the moment ``under_way``; empty where nothing is to be said."""
    parts = []
    if past is not None:
        parts.append(f"{_when(look, past, now)}, not live")
    if under_way is not None:
        parts.append(f"to {told(under_way, now, look.zone)} {look.signs.more}")
    if new_alerts:
        parts.append(_new(new_alerts))
    return f" {look.signs.dot} ".join(parts)


def _when(look: Look, past: PastMoment, now: float) -> str:
    """``Mon 14:02``; where only the mean of a longer time is kept, of which: ``Mon 14:00–15:00 mean``."""
    seconds = past.seconds
    if seconds is None or seconds <= 60:
        return told(past.at, now, look.zone, seconds=seconds is not None and seconds < 60)
    begin = past.at // seconds * seconds
    return f"{told(begin, now, look.zone)}–{numbers.clock(begin + seconds, look.zone, seconds=False)} mean"


def _paused(paused: Paused) -> str:
    words = f"PAUSED {numbers.age(max(0.0, paused.seconds))}"
    return f"{words} · {_new(paused.new_alerts)}" if paused.new_alerts else words


def _new(alerts: int) -> str:
    return f"{alerts} new alert{'s' if alerts > 1 else ''}"
