"""The incidents that unfold: when each is on, counted in seconds from the start of the workload."""

from __future__ import annotations

from wfmon.model.record import dataclass

ERROR_BURST = "error-burst"
COST_SPIKE = "cost-spike"
HANG = "hang"
DISK_GROWTH = "disk-growth"

NAMES = (ERROR_BURST, COST_SPIKE, HANG, DISK_GROWTH)

FIRST = 8.0
SECONDS = {ERROR_BURST: 70.0, COST_SPIKE: 60.0, HANG: 60.0, DISK_GROWTH: 60.0}
GAP = 20.0  # between two different incidents
CALM = 90.0  # before the first one comes again: what it raised has cleared by then


@dataclass(frozen=True, slots=True)
class Window:
    start: float
    end: float


class Timeline:
    """The chosen incidents one after another, then calm, then again."""

    def __init__(self, names: tuple[str, ...]) -> None:
        unknown = set(names) - set(NAMES)
        if unknown:
            raise ValueError(f"no such incident: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        self._windows: dict[str, Window] = {}
        at = FIRST
        for name in (name for name in NAMES if name in names):
            self._windows[name] = Window(at, at + SECONDS[name])
            at += SECONDS[name] + GAP
        self._period = at - FIRST - GAP + CALM

    def window(self, name: str, offset: float) -> Window | None:
        """The window of the incident that holds ``offset``, in the same seconds; None outside."""
        first = self._windows.get(name)
        if first is None or offset < first.start:
            return None
        shift = (offset - first.start) // self._period * self._period
        window = Window(first.start + shift, first.end + shift)
        return window if offset < window.end else None


def chosen(word: str) -> tuple[str, ...]:
    """The incidents that the command line's ``--incident`` means: a name, ``all`` or ``none``."""
    if word == "all":
        return NAMES
    if word == "none":
        return ()
    if word not in NAMES:
        raise ValueError(f"no such incident: {word}; there are {', '.join(NAMES)}, all, none")
    return (word,)
