"""Signs, bars and sparklines, in Unicode or in ASCII."""

from __future__ import annotations

from wfmon.model.money import CostQuality
from wfmon.model.record import dataclass
from wfmon.ui.series import Points, resampled


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of characters. Each is one cell wide.

    ``spark`` runs from the floor (zero) to the full height; a gap is always a space.
    """

    critical: str
    warning: str
    acked: str
    quiet: str
    unknown: str
    good: str
    more: str
    dot: str
    rule: str
    tee_down: str
    column: str
    moment: str
    none: str
    cut: str
    enter: str
    pointer: str
    at_least: str
    bar: str
    bar_rest: str
    spark: str
    up: str
    down: str
    band: str
    flap: str

    def sparkline(
        self, points: Points, width: int, *, steps: int | None = None, ceiling: float | None = None
    ) -> str:
        """``steps`` values in ``width`` cells, the newest at the right: gaps for None, the floor for zero
        and below.

        Without ``steps`` all ``points``, and never fewer values than cells. ``ceiling`` is the value of
        full height, else the greatest cell; greater ones are full.
        """
        if width <= 0:
            return ""
        shown = resampled(points, width, max(width, len(points)) if steps is None else steps)
        top = ceiling or max((p for p in shown if p is not None), default=0.0)
        steps = len(self.spark) - 1
        cells = []
        for point in shown:
            if point is None:
                cells.append(" ")
            elif point <= 0 or top <= 0:
                cells.append(self.spark[0])
            else:
                cells.append(self.spark[max(1, min(steps, round(point / top * steps)))])
        return "".join(cells)

    def gauge(self, ratio: float | None, width: int) -> tuple[str, str]:
        """The filled and the empty part of a bar of ``width`` cells; unknown fills nothing."""
        filled = 0 if ratio is None else max(0, min(width, round(ratio * width)))
        return self.bar * filled, self.bar_rest * (width - filled)

    def least(self, number: str) -> str:
        """A number that is only known from below: ``≥3``, in ASCII ``3+`` (``>3`` would be more)."""
        return f"{number}+" if self.at_least == "+" else f"{self.at_least}{number}"

    def quality(self, quality: CostQuality | None) -> str:
        """What stands before an amount of money to say how true it is."""
        match quality:
            case CostQuality.PRICED:
                return "~"
            case CostQuality.BAND:
                return self.band
            case CostQuality.UNPRICED:
                return "?"
            case _:
                return ""


UNICODE = Signs(
    critical="✖",
    warning="▲",
    acked="◆",
    quiet="◇",
    unknown="?",
    good="✓",
    more="…",
    dot="·",
    rule="─",
    tee_down="┬",
    column="│",
    moment="┆",
    none="–",
    cut="…",
    enter="⏎",
    pointer="▶",
    at_least="≥",
    bar="█",
    bar_rest="░",
    spark="▁▂▃▄▅▆▇█",
    up="↑",
    down="↓",
    band="≈",
    flap="↯",
)

ASCII = Signs(
    critical="X",
    warning="!",
    acked="a",
    quiet="s",
    unknown="?",
    good="-",
    more="~",
    dot="|",
    rule="-",
    tee_down="+",
    column="|",
    moment=":",
    none="-",
    cut="~",
    enter="Enter",
    pointer=">",
    at_least="+",
    bar="#",
    bar_rest=".",
    spark=".:-=+*#",
    up="^",
    down="v",
    band="~",
    flap="*",
)

# What outside words may bring that ASCII mode must not show as it is.
_PLAIN = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "−": "-",
        "·": "|",
        "…": "~",
        "≥": ">=",
        "≤": "<=",
        "≈": "~",
        "✖": "X",
        "▲": "!",
        "◆": "a",
        "◇": "s",
        "↯": "*",
        "✓": "-",
        "⏎": "Enter",
        "×": "x",
        "␤": "|",
        "─": "-",
        "│": "|",
        "┆": ":",
        "→": ">",
        "▶": ">",
    }
)


def plain(text: str) -> str:
    """``text`` in ASCII: our own signs by their counterparts, all else as ``?``."""
    if text.isascii():
        return text
    return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
