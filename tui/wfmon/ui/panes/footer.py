"""The last row: the keys that do something now, or a message."""

from __future__ import annotations

from collections.abc import Container, Sequence

from wfmon.ui.keys import Keymap, shown
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, width_of, wrap

WIDE = 100  # cells from which on there is room to say what the keys of the views are
_ALWAYS = ("palette", "help", "quit")


def footer_row(
    look: Look,
    width: int,
    keymap: Keymap,
    actions: Sequence[str],
    able: Container[str],
    read_only: bool,
    views: str = "",
) -> Row:
    """Keys of ``actions`` that are ``able`` now; the last of them go when there is no room.

    The palette, the help and the quit key are always there, and those of the other views, ``views``.
    """
    tail = [shown(keymap.key(action), ascii_only=look.ascii) for action in _ALWAYS]
    named = " view" if views and width >= WIDE else ""
    reserved = sum(width_of(key) + 1 for key in tail) + 2
    reserved += width_of(views + named) + 2 if views else 0
    line = Line(look, width).add(" ")
    for action_id in actions:
        action = keymap.get(action_id)
        if action_id not in able or (action.writes and read_only):
            continue
        key = shown(keymap.key(action_id), ascii_only=look.ascii)
        words = f" {action.short or action.words}".rstrip()
        gap = "  " if words else " "
        if line.used + width_of(key) + width_of(words + gap) > width - reserved:
            break
        line.add(key, "key").add(words, "key_words").add(gap)
    if views:
        line.add(views, "key").add(named, "key_words").add("  ")
    line.add(" ".join(tail[:-1]), "key").add("  ").add(tail[-1], "key")
    return line.row()


def message_rows(look: Look, width: int, text: str, ok: bool) -> list[Row]:
    """One row, up to three where the message is long (a path)."""
    sign = look.signs.good if ok else look.signs.critical
    role = "message" if ok else "refusal"
    rows = []
    for number, part in enumerate(wrap(text, width - 3, 3)):
        before = f" {sign} " if number == 0 else "   "
        line = Line(look, width).add(before, "good" if ok else "refusal")
        rows.append(line.add(part, role).row())
    return rows
