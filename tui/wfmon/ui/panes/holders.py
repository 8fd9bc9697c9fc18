"""Who has an alert, why and until when, what other systems do with it, and what people wrote to it."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.model.alert import Ack, Alert, AlertState
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import LABEL_WIDTH, Part, fact, wrapped_fact
from wfmon.ui.panes.words import other_hand, sharing, who_had
from wfmon.ui.rows import Row, cut, width_of, wrap
from wfmon.ui.views.base import Frame

_OURS = (AlertState.ACKED, AlertState.SNOOZED)
_NOTE_ROWS = 2  # of one note


def who_rows(frame: Frame, snapshot: Snapshot, alert: Alert, by: str) -> list[Row]:
    """``by``: who looks, where acks are private. The runbook stands at the right, or in a row of its own."""
    look, width = frame.look, frame.width
    parts = list(_who(look, snapshot, alert, by, frame.now, width - LABEL_WIDTH))
    used = LABEL_WIDTH + sum(width_of(text) for text, _ in parts)
    book = f"runbook: {alert.runbook}" if alert.runbook else ""
    beside = bool(book) and used + 2 + width_of(book) <= width
    rows = [fact(look, width, "who", *parts, right=(book, "text") if beside else None)]
    ack = alert.ack
    if ack is not None and ack.comment:
        rows += wrapped_fact(look, width, "why", ack.comment, "text", 2)
    if ack is not None and alert.state in _OURS and sharing(ack):
        rows += wrapped_fact(
            look, width, "shared", _shared(frame, ack), "warning" if ack.problem else "text", 2
        )
    if alert.unsaved is None and alert.open:
        rows += _elsewhere(frame, alert)
    if book and not beside:
        rows += wrapped_fact(look, width, "runbook", alert.runbook or "", "text", 1)
    return rows


def note_rows(look: Look, width: int, alert: Alert, now: float, most: int) -> list[Row]:
    """The newest notes in at most ``most`` rows, the newest last; above them how many are older."""
    shown: list[str] = []
    for number, note in enumerate(reversed(alert.notes)):
        words = wrap(f"{look.minute(note.at, now)} {note.by}: {note.text}", width - LABEL_WIDTH, _NOTE_ROWS)
        older = len(alert.notes) - number - 1
        if shown and len(words) + len(shown) + (older > 0) > most:
            shown.insert(0, f"{numbers.counted(older + 1, 'older note')}")
            break
        shown = [*words, *shown]
    return [
        fact(look, width, "notes" if number == 0 else "", (text, "text"))
        for number, text in enumerate(shown[-most:] if most > 0 else [])
    ]


def _who(look: Look, snapshot: Snapshot, alert: Alert, by: str, now: float, room: int) -> Iterator[Part]:
    ack = alert.ack
    if alert.unsaved:
        yield f"NOT SAVED: {alert.unsaved}", "refusal"
    elif ack is not None and alert.state is AlertState.SILENCED:
        yield "silenced by ", "text"
        yield from _holder(look, ack, now, room - len("silenced by "))
    elif ack is not None and alert.open:
        if alert.state is AlertState.SNOOZED:
            yield "snoozed by ", "text"
            room -= len("snoozed by ")
        yield from _holder(look, ack, now, room)
    elif alert.taken:
        yield alert.state.value, "acked"
        if alert.quieted:
            by_what = alert.quieted.removeprefix(alert.state.value).strip()
            yield f" {by_what}", "text"
    elif alert.state is AlertState.PENDING:
        yield "does not fire yet", "text"
    elif not alert.open:
        yield who_had(alert, snapshot.acks_shared), "text"
    elif snapshot.acks_shared:
        yield "nobody has it", "strong"
    else:
        yield "not acked", "strong"
        yield f"  acks private to {by or snapshot.collector.user}", "muted"


def _holder(look: Look, ack: Ack, now: float, room: int) -> Iterator[Part]:
    """``joe since 14:03, until 15:03, wakes in 59m``; in less ``room`` the times are whole, not the name."""
    since = f" since {look.minute(ack.at, now)}, until "
    if ack.until is None or ack.until_resolved:
        forms: tuple[str, ...] = (f"{since}it ends", " until it ends")
    else:
        until, left = look.minute(ack.until, now), numbers.age(max(0.0, ack.until - now))
        forms = (f"{since}{until}, wakes in {left}", f"{since}{until}", f" until {until}")
    times = next((text for text in forms if width_of(ack.by) + width_of(text) <= room), forms[-1])
    yield cut(ack.by, room - width_of(times), look.signs.cut), "acked"
    yield times, "text"


def _shared(frame: Frame, ack: Ack) -> str:
    """Where and until when it is muted too, or why it is not."""
    if not ack.shared:
        return sharing(ack)
    until = ""
    if ack.muted_until is not None:
        until = f" until {frame.look.minute(ack.muted_until, frame.now)}, extended while it fires"
    where = f" in {ack.via}" if ack.via else ""
    silence = f", silence {ack.silence}" if ack.silence else ""
    trouble = f"; {ack.problem}" if ack.problem else ""
    return f"muted{where}{until}{silence}{trouble}"


def _elsewhere(frame: Frame, alert: Alert) -> list[Row]:
    """What other hands do with it: by which silence or alert, and that they do it beneath an ack of ours."""
    look, width = frame.look, frame.width
    held, rows = other_hand(alert), []
    if alert.state in _OURS and alert.standing is not None and (held is not None or alert.held is None):
        words = f"{alert.standing.value} elsewhere"
        if held is not None:
            until = "" if held.until is None else f" until {look.minute(held.until, frame.now)}"
            words += f" by {held.by}{until}"
        rows += wrapped_fact(look, width, "also", words, "text", 1)
    if alert.state is AlertState.SILENCED and alert.quieted:
        rows += wrapped_fact(look, width, "silence", alert.quieted, "muted", 1)
    return rows
