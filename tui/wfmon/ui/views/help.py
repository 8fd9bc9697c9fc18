"""Help for one screen: its keys, its signs."""

from __future__ import annotations

from typing import ClassVar

from wfmon.ui.keys import Action, Keymap, shown
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, blank, rule
from wfmon.ui.views.base import Frame, View
from wfmon.ui.views.page import PageView


class HelpView(PageView):
    name = "help"
    timed: ClassVar[bool] = False

    def __init__(self, of: View) -> None:
        super().__init__()
        self._of = of

    def title(self, frame: Frame) -> Row:
        return rule(frame.look, frame.width, f"Help: {self._of.name or 'this screen'}", "esc closes")

    def lines(self, frame: Frame) -> list[Row]:
        look, width = frame.look, frame.width
        able = set(self._of.deeds())
        rows = []
        for action in self.shell.keymap.of(self._of.where):
            closed = action.writes and self.shell.read_only
            rows.append(_key(look, width, self.shell.keymap, action, now=action.id in able, closed=closed))
        rows += [blank(look, width), rule(look, width, "Signs")]
        rows += _signs(look, width)
        return rows


def _key(look: Look, width: int, keymap: Keymap, action: Action, *, now: bool, closed: bool) -> Row:
    named = keymap.keys(action.id) or keymap.keys("palette")[:1]
    keys = " ".join(shown(key, ascii_only=look.ascii) for key in named)
    words = action.words + ("  (not in read-only)" if closed else "")
    line = Line(look, width).add("  ").add(keys, "muted" if closed else "key", 16)
    line.add(words, "muted" if closed else "strong" if now else "text")
    return line.to(max(line.used + 2, width - 20)).add(action.id, "muted").row()


def _signs(look: Look, width: int) -> list[Row]:
    signs = look.signs
    meanings = (
        (signs.critical, "critical", "critical, or failed"),
        (signs.warning, "warning", "warning"),
        (signs.acked, "acked", "acked or snoozed: somebody has it"),
        (signs.quiet, "stale", "silenced or inhibited: its Alertmanager tells nobody"),
        (signs.dot, "muted", "pending: holds, has not fired yet"),
        (f"{signs.flap}4", "warning", "flapping: it went and came back so often"),
        (signs.unknown, "unknown", "cannot see: not known now"),
        (signs.good, "good", "good"),
        (signs.none, "muted", "not known; it differs from 0"),
        (signs.at_least, "text", "at least: the data does not reach back far enough"),
        (f"~ {signs.band} ?", "text", "before money: priced, a band, not priced"),
    )
    rows = []
    for sign, role, words in meanings:
        rows.append(Line(look, width).add("  ").add(sign, role, 16).add(words).row())
    return rows
