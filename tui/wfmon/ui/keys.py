"""The one table of keys: every action, where it acts, its keys and its words.

Keys are written as people write them: ``j``, ``?``, ``G``, ``ctrl-u``, ``pgup``, ``enter``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wfmon.config.problems import ConfigError, Problem
from wfmon.model.record import dataclass


class Where(StrEnum):
    """What a key finds in front of it."""

    LIST = "list"
    LOG = "log"
    PAGE = "page"  # a text to read: help, a form without rows


EVERYWHERE = frozenset(Where)
LIST = frozenset({Where.LIST})
LOG = frozenset({Where.LOG})
NOT_LOG = frozenset({Where.LIST, Where.PAGE})


@dataclass(frozen=True, slots=True)
class Action:
    """``short`` are the footer's words (empty: ``words``; a space: the key alone, beside its counterpart).
    ``writes``: changes something.

    One without keys is done from the palette, or by the key that the config gives it.
    """

    id: str
    keys: tuple[str, ...]
    words: str
    where: frozenset[Where]
    short: str = ""
    writes: bool = False


ACTIONS: tuple[Action, ...] = (
    Action("up", ("up", "k"), "row up", EVERYWHERE),
    Action("down", ("down", "j"), "row down", EVERYWHERE),
    Action("top", ("g", "home"), "first row", EVERYWHERE),
    Action("bottom", ("G", "end"), "last row", EVERYWHERE),
    Action("page_up", ("pgup",), "page up", EVERYWHERE),
    Action("page_down", ("pgdn",), "page down", EVERYWHERE),
    Action("half_up", ("ctrl-u",), "half a page up", EVERYWHERE),
    Action("half_down", ("ctrl-d",), "half a page down", EVERYWHERE),
    Action("open", ("enter",), "open the row", EVERYWHERE, "open"),
    Action("back", ("esc",), "back, close, clear the filter", EVERYWHERE, "back"),
    Action("operations", ("1",), "operations: what is broken now", NOT_LOG),
    Action("development", ("2",), "development: steps, attempts, errors, how slow", NOT_LOG),
    Action("finance", ("3",), "finance: what is burnt, budgets, waste", NOT_LOG),
    Action("executive", ("4",), "executive: success, volume, spend, availability", NOT_LOG),
    Action("span", ("d",), "days shown: 24h, 7d, 30d", LIST, "days"),
    Action("split", ("b",), "split by model, provider, workflow", LIST, "split by"),
    Action("export", (), "save what is on the screen as CSV, JSON and Markdown", NOT_LOG),
    Action("worst_error", ("e",), "newest error line of the worst run", NOT_LOG, "error"),
    Action("row_error", ("E",), "newest error line of this row's runs", LIST, "its error"),
    Action("next_error", ("e",), "next error", LOG, "error"),
    Action("previous_error", ("E",), "previous error", LOG),
    Action("next_warning", ("w",), "next warning", LOG, "warning"),
    Action("previous_warning", ("W",), "previous warning", LOG),
    Action("log", ("l",), "log of this row", LIST, "log"),
    Action("ack", ("a",), "acknowledge the alert of this row", LIST, "ack", writes=True),
    Action("unack", ("u",), "undo your ack or snooze, and what was shared of it", LIST, "undo", writes=True),
    Action("share", ("A",), "share the ack as a silence, asks once", LIST, "share", writes=True),
    Action("snooze", ("z",), "snooze the alert of this row", LIST, "snooze", writes=True),
    Action("note", ("c",), "write a note to the alert of this row", LIST, "note", writes=True),
    Action("runbook", ("o",), "runbook of this row's alert", LIST, "runbook"),
    Action("filter", ("/",), "filter the rows", LIST, "filter"),
    Action("search", ("/",), "search, context kept", LOG, "search"),
    Action("next_match", ("n",), "next match", LOG),
    Action("previous_match", ("N",), "previous match", LOG),
    Action("follow", ("F",), "follow the newest lines", LOG, "follow"),
    Action("wrap", ("ctrl-w",), "wrap long lines", LOG, "wrap"),
    Action("left", ("left",), "scroll left", LOG),
    Action("right", ("right",), "scroll right", LOG),
    Action("fewer_columns", ("left",), "back to the first columns", LIST),
    Action("more_columns", ("right", "ctrl-w"), "more columns", LIST),
    Action("timestamps", ("t",), "timestamps: clock, elapsed, off", LOG, "time"),
    Action("sort", ("s",), "sort by …", LIST, "sort"),
    Action("invert", ("I",), "invert the order", LIST),
    Action("copy", ("y",), "copy: a card to hand an alert on, or the row or line", EVERYWHERE, "copy"),
    Action("explain", ("i",), "explain the row: every figure, its age and source", EVERYWHERE, "explain"),
    Action("explain_storage", (), "explain storage and retention", NOT_LOG),
    Action("accept_normal", (), "accept what this workflow does now as its new normal", LIST, writes=True),
    Action("step_back", ("[",), "one minute back in time", NOT_LOG, " "),
    Action("step_forth", ("]",), "one minute forth in time", NOT_LOG, "1m"),
    Action("hour_back", ("{",), "one hour back in time", NOT_LOG, " "),
    Action("hour_forth", ("}",), "one hour forth in time", NOT_LOG, "1h"),
    Action("live", ("0",), "back to now", NOT_LOG, "live"),
    Action("go_to_time", (), "go to a time …", NOT_LOG),
    Action("ended", ("H",), "what ended, and what changed", EVERYWHERE, "ended"),
    Action("sources", ("S",), "sources: state, age, what is missing", EVERYWHERE, "sources"),
    Action("pause", ("p",), "pause the screen; collecting goes on", EVERYWHERE, "pause"),
    Action("refresh", ("r",), "ask every source now", EVERYWHERE, "refresh"),
    Action("redraw", ("ctrl-l",), "redraw the screen", EVERYWHERE),
    Action("next_pane", ("tab",), "next pane", LIST),
    Action("previous_pane", ("shift-tab",), "previous pane", LIST),
    Action("palette", (":", "ctrl-p"), "all actions and themes", EVERYWHERE),
    Action("help", ("?", "f1"), "help for this screen", EVERYWHERE),
    Action("suspend", ("ctrl-z",), "to the shell; fg comes back", EVERYWHERE),
    Action("quit", ("q",), "quit; in a detail back first", EVERYWHERE),
    Action("exit", ("ctrl-c",), "quit at once", EVERYWHERE),
)
_FIXED = {"quit": "q", "exit": "ctrl-c"}
_SPELLINGS = {
    "escape": "esc",
    "return": "enter",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "backtab": "shift-tab",
    " ": "space",
}
_NAMED = frozenset(
    {"up", "down", "left", "right", "home", "end", "pgup", "pgdn", "enter", "esc"}
    | {"tab", "shift-tab", "space", "backspace", "delete", "insert"}
)


class KeymapError(ConfigError):
    """``[ui.keys]`` cannot be used; the text names the action and what was expected."""

    def __init__(self, action: str, text: str) -> None:
        super().__init__([Problem("", f"ui.keys.{action}" if action else "ui.keys", text)])


class Keymap:
    """Actions by context and key, with what the config remaps."""

    def __init__(self, remapped: Mapping[str, str] | None = None) -> None:
        """``remapped``: action id -> keys with commas between. Raises ``KeymapError``."""
        keys = {action.id: action.keys for action in ACTIONS}
        for name, text in (remapped or {}).items():
            keys[name] = _remap(name, text, keys)
        self._actions = {action.id: action for action in ACTIONS}
        self._keys = keys
        self._found: dict[tuple[Where, str], Action] = {}
        for action in ACTIONS:
            for where in (where for where in Where if where in action.where):
                for key in keys[action.id]:
                    taken = self._found.setdefault((where, key), action)
                    if taken is not action:
                        raise KeymapError(
                            "",
                            f"{key} would both {taken.id!r} and {action.id!r} in a {where.value}; "
                            "give one of them another key",
                        )

    def action(self, where: Where, key: str) -> Action | None:
        return self._found.get((where, key))

    def get(self, action_id: str) -> Action:
        return self._actions[action_id]

    def key(self, action_id: str) -> str:
        """The first key of an action that has one."""
        return self._keys[action_id][0]

    def keys(self, action_id: str) -> tuple[str, ...]:
        return self._keys[action_id]

    def of(self, where: Where) -> list[Action]:
        """The actions of a context, in the order of the table."""
        return [action for action in ACTIONS if where in action.where]


def spelled(key: str, character: str | None = None) -> str:
    """How this house writes a key that the terminal reports as ``key`` (and ``character``)."""
    if character and len(character) == 1 and character.isprintable() and character != " ":
        return character
    name = key.strip() or "space"
    if len(name) > 1:
        name = name.lower().replace("+", "-")
    return _SPELLINGS.get(name, name)


def shown(key: str, *, ascii_only: bool = False) -> str:
    """A key as the footer and the help print it."""
    if ascii_only:
        return key
    return {"enter": "⏎", "up": "↑", "down": "↓", "left": "←", "right": "→"}.get(key, key)


def _remap(name: str, text: str, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name not in known:
        raise KeymapError(name, f"no such action; known: {', '.join(sorted(known))}")
    keys = tuple(spelled(part.strip()) for part in text.split(",") if part.strip())
    if not keys:
        raise KeymapError(name, 'expected "key" or "key,key"')
    for key in keys:
        if len(key) > 1 and key not in _NAMED and not _is_combination(key):
            raise KeymapError(name, f'no key {key!r}; expected such as "x", "ctrl-x", "f5", "space"')
    for action, fixed in _FIXED.items():
        if name == action and fixed not in keys:
            return (*keys, fixed)
        if name != action and fixed in keys:
            raise KeymapError(name, f"{fixed} always quits")
    return keys


def _is_combination(key: str) -> bool:
    if key[0] == "f" and key[1:].isdigit():
        return 1 <= int(key[1:]) <= 12
    head, _, last = key.rpartition("-")
    return head in ("ctrl", "alt", "shift", "ctrl-shift") and (len(last) == 1 or last in _NAMED)
