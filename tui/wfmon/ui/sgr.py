"""Colours and attributes as the shortest change from what is in force."""

from __future__ import annotations

from collections.abc import Collection

from wfmon.model.record import dataclass

# The code that ends an attribute; several attributes share one.
_OFF = {
    "1": "22",
    "2": "22",
    "3": "23",
    "4": "24",
    "21": "24",
    "5": "25",
    "6": "25",
    "7": "27",
    "8": "28",
    "9": "29",
    "51": "54",
    "52": "54",
    "53": "55",
}
_COLOUR_LENGTH = {"2": 5, "5": 3}


@dataclass(frozen=True, slots=True)
class Pen:
    """SGR parameters: ``on`` the attributes, ``fg`` and ``bg`` a colour or "" for the default."""

    on: frozenset[str] = frozenset()
    fg: str = ""
    bg: str = ""


def read_pen(parameters: str) -> Pen:
    """The pen of an SGR parameter list such as ``1;38;2;0;255;0;48;5;7``, counted from the default."""
    codes = parameters.split(";") if parameters else []
    on: set[str] = set()
    fg = bg = ""
    at = 0
    while at < len(codes):
        code = codes[at]
        length = _COLOUR_LENGTH.get(codes[at + 1], 1) if code in ("38", "48") and at + 1 < len(codes) else 1
        value = ";".join(codes[at : at + length])
        if code in _OFF:
            on.add(code)
        elif _is_colour(code, "3", "9"):
            fg = "" if code == "39" else value
        elif _is_colour(code, "4", "10"):
            bg = "" if code == "49" else value
        at += length
    return Pen(frozenset(on), fg, bg)


def _is_colour(code: str, *tens: str) -> bool:
    return code[:-1] in tens and len(code) >= 2


def change(before: Pen | None, after: Pen) -> str:
    """The shortest sequence from one pen to another; ``before`` None: not known."""
    if before == after:
        return ""
    whole = ";".join(["", *sorted(after.on), *filter(None, (after.fg, after.bg))])
    if before is None or after == Pen():
        return f"\x1b[{whole}m"
    off = {_OFF[code] for code in before.on - after.on}
    # An off code also ends its siblings (22 ends bold and dim): those that stay are said again.
    on = {code for code in after.on if code not in before.on or _OFF[code] in off}
    parts = [*sorted(off), *sorted(on)]
    if after.fg != before.fg:
        parts.append(after.fg or "39")
    if after.bg != before.bg:
        parts.append(after.bg or "49")
    step = ";".join(parts)
    return f"\x1b[{step if len(step) <= len(whole) else whole}m"


class Pens:
    """Small numbers for pens, and the changes between them. Number 0 is the default pen."""

    LIMIT = 2048

    def __init__(self) -> None:
        self._pens = [Pen()]
        self._numbers = {"": 0}
        self._changes: dict[tuple[int | None, int], str] = {}

    @property
    def full(self) -> bool:
        """So many pens or changes that it is time to ``keep`` only those in use."""
        return len(self._pens) > self.LIMIT or len(self._changes) > 8 * self.LIMIT

    def keep(self, used: Collection[int]) -> dict[int, int]:
        """Forget all other pens; from each old number the new one."""
        kept = [0, *sorted(set(used) - {0})]
        self._pens = [self._pens[number] for number in kept]
        self._numbers = {"": 0}
        self._changes.clear()
        return {old: new for new, old in enumerate(kept)}

    def number(self, parameters: str) -> int:
        number = self._numbers.get(parameters)
        if number is None:
            pen = read_pen(parameters)
            number = self._pens.index(pen) if pen in self._pens else len(self._pens)
            if number == len(self._pens):
                self._pens.append(pen)
            self._numbers[parameters] = number
        return number

    def change(self, before: int | None, after: int) -> str:
        """The sequence from pen ``before`` (None: not known) to pen ``after``."""
        if before == after:
            return ""
        sequence = self._changes.get((before, after))
        if sequence is None:
            known = None if before is None else self._pens[before]
            sequence = self._changes[before, after] = change(known, self._pens[after])
        return sequence
