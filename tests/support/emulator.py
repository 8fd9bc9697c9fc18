"""A terminal as a program sees it: pyte plus what pyte lacks.

Adds the alternate screen, answers to queries, the private modes and the kitty keyboard stack, and
tells what a program has left switched on.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import pyte
from pyte.screens import StaticDefaultDict

MODE_NAMES = {
    1: "app-cursor-keys",
    47: "alt-screen",
    1047: "alt-screen",
    1049: "alt-screen",
    9: "mouse",
    1000: "mouse",
    1002: "mouse",
    1003: "mouse",
    1005: "mouse",
    1006: "mouse",
    1015: "mouse",
    1016: "mouse",
    1004: "focus-events",
    2004: "bracketed-paste",
    2026: "synchronized-output",
    2048: "in-band-resize",
    25: "cursor-hidden",
    7: "no-autowrap",
}
ON_BY_DEFAULT = {7, 25}
ALTERNATE = {47, 1047, 1049}
PASSED_MODES = {6, 7, 25}

SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[(?P<mark>[<=>?]?)(?P<args>[0-9;:]*)(?P<inter>[ -/]*)(?P<final>[@-~])"
    r"|\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|[PX^_](?P<dcs>[^\x1b]*)\x1b\\"
    r"|(?P<esc>[ -/]*[0-OQ-WYZ\\`-~])"
    r")"
)
UNFINISHED = re.compile(r"\x1b(?:\[[<=>?]?[0-9;:]*[ -/]*|[\]PX^_][^\x07]{0,65536}|[ -/]*)?")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text ("" for the right half of a wide character), colours and attributes."""

    text: str
    fg: str
    bg: str
    bold: bool
    italics: bool
    underscore: bool
    strikethrough: bool
    reverse: bool
    blink: bool


class Screen(pyte.Screen):
    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self._main: tuple[Any, Any] | None = None

    def enter_alternate(self) -> None:
        if self._main is None:
            self._main = self.buffer, (self.cursor.x, self.cursor.y, self.cursor.attrs)
            self.buffer = defaultdict(lambda: StaticDefaultDict(self.default_char))

    def leave_alternate(self) -> None:
        if self._main is not None:
            self.buffer, (self.cursor.x, self.cursor.y, self.cursor.attrs) = self._main
            self._main = None


class Emulator:
    def __init__(self, columns: int, lines: int, *, answers: bool = True, kitty: bool = True) -> None:
        self.screen = Screen(columns, lines)
        self.modes: dict[int, bool] = {}
        self.kitty_stack: list[int] = []
        self.queries: Counter[str] = Counter()
        self.osc: list[str] = []
        self.bells = 0
        self.title = "as it was"
        self.titles_kept: list[str] = []
        self.clears = 0
        self.sync_frames = 0
        self._stream = pyte.Stream(self.screen)
        self._stream.use_utf8 = False
        self._answering = answers
        self._kitty = kitty
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._replies: list[str] = []

    def feed(self, data: bytes) -> bytes:
        """Take output of a program; what a terminal would send back."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        at = 0
        while (escape := text.find("\x1b", at)) >= 0:
            self._draw(text[at:escape])
            if match := SEQUENCE.match(text, escape):
                self._sequence(match)
                at = match.end()
            elif UNFINISHED.fullmatch(text, escape):
                self._rest = text[escape:]
                at = len(text)
            else:
                at = escape + 1
        self._draw(text[at:])
        replies = "".join(self._replies).encode()
        self._replies.clear()
        return replies if self._answering else b""

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)

    def text(self) -> str:
        return "\n".join(self.row(y) for y in range(self.screen.lines))

    def row(self, y: int) -> str:
        cells = self.screen.buffer[y]
        return "".join(cells[x].data for x in range(self.screen.columns)).rstrip()

    def cells(self) -> list[list[Cell]]:
        screen = self.screen
        return [
            [Cell(*screen.buffer[y][x]) for x in range(screen.columns)]  # fields in pyte's order
            for y in range(screen.lines)
        ]

    def left_on(self) -> list[str]:
        """Names of what is switched on and was not at the start."""
        names = {
            name
            for mode, name in MODE_NAMES.items()
            if self.modes.get(mode, mode in ON_BY_DEFAULT) != (mode in ON_BY_DEFAULT)
        }
        if any(self.kitty_stack):
            names.add("kitty-keyboard")
        if self.screen.cursor.attrs._replace(data=" ") != self.screen.default_char._replace(data=" "):
            names.add("text-attributes")
        margins = self.screen.margins
        if margins and tuple(margins) != (0, self.screen.lines - 1):
            names.add("scroll-region")
        return sorted(names)

    def _draw(self, text: str) -> None:
        self.bells += text.count("\x07")
        if text:
            self._stream.feed(text)

    def _sequence(self, match: re.Match[str]) -> None:
        if match["final"]:
            self._csi(match["mark"], match["args"], match["inter"], match["final"], match[0])
        elif match["osc"] is not None:
            self.osc.append(match["osc"])
            number, _, words = match["osc"].partition(";")
            if number in ("0", "2"):
                self.title = words
        elif match["esc"] is not None and match["esc"] not in ("=", ">"):
            self._draw(match[0])

    def _csi(self, mark: str, args: str, inter: str, final: str, whole: str) -> None:
        numbers = [int(part.split(":")[0] or 0) for part in args.split(";")]
        first = numbers[0]
        if self._query(mark, first, inter, final) or inter:
            return
        if mark == "?" and final in "hl":
            for number in numbers:
                self._set_mode(number, final == "h")
        elif mark == ">" and final == "u":
            self.kitty_stack.append(first)
        elif mark == "<" and final == "u":
            del self.kitty_stack[-(first or 1) :]
        elif not mark and final == "t" and first == 22:
            self.titles_kept.append(self.title)
        elif not mark and final == "t" and first == 23:
            if self.titles_kept:
                self.title = self.titles_kept.pop()
        elif not mark and final not in "tbSTsu":
            self.clears += final == "J" and first in (2, 3)
            self._draw(whole)

    def _set_mode(self, number: int, on: bool) -> None:
        self.modes[number] = on
        self.sync_frames += on and number == 2026
        if number in ALTERNATE:
            (self.screen.enter_alternate if on else self.screen.leave_alternate)()
        elif number in PASSED_MODES:
            self._draw(f"\x1b[?{number}{'h' if on else 'l'}")

    def _query(self, mark: str, first: int, inter: str, final: str) -> bool:
        name, reply = "", ""
        match mark, inter, final, first:
            case "", "", "c", 0:
                name, reply = "DA1", "\x1b[?62;22c"
            case ">", "", "c", 0:
                name, reply = "DA2", "\x1b[>41;388;0c"
            case "", "", "n", 5:
                name, reply = "DSR", "\x1b[0n"
            case (("" | "?"), "", "n", 6):
                cursor = self.screen.cursor
                column = min(cursor.x + 1, self.screen.columns)
                name, reply = "CPR", f"\x1b[{mark}{cursor.y + 1};{column}R"
            case "?", "", "u", _:
                flags = self.kitty_stack[-1] if self.kitty_stack else 0
                name, reply = "kitty", f"\x1b[?{flags}u" if self._kitty else ""
            case "?", "$", "p", _:
                name, reply = f"DECRQM-{first}", f"\x1b[?{first};{self._status(first)}$y"
            case _:
                return False
        self.queries[name] += 1
        self._replies.append(reply)
        return True

    def _status(self, mode: int) -> int:
        """1 set, 2 reset, 0 unknown (as 2048 is in most terminals)."""
        if mode not in MODE_NAMES or mode == 2048:
            return 0
        return 1 if self.modes.get(mode, mode in ON_BY_DEFAULT) else 2
