"""An alert that ends and fires again all the time is one alert, until it has been quiet for a while.

From ``FlapSettings.transitions`` ends and new beginnings within its window on, an end is not believed: the
episode *rests*. It stays open, is told as flapping, and ends when nothing held for the quiet time.
"""

from __future__ import annotations

from wfmon.model.alert import Severity
from wfmon.model.record import dataclass
from wfmon.model.settings import EpisodeSettings

# New beginnings of one episode within this time are counted as flaps where nothing else is set.
WINDOW_SECONDS = 3600.0
MOST_RESTARTS = 1000  # that are remembered


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing has held since ``since``; ``severity`` is what fired last."""

    since: float
    severity: Severity


def recent(restarts: tuple[float, ...], now: float, settings: EpisodeSettings) -> tuple[float, ...]:
    """Those that count as flaps at ``now``."""
    window = WINDOW_SECONDS if settings.flap is None else settings.flap.window_seconds
    if not restarts or (now - restarts[0] < window and len(restarts) <= MOST_RESTARTS):
        return restarts
    return tuple(at for at in restarts if now - at < window)[-MOST_RESTARTS:]


def flaps_too_often(restarts: tuple[float, ...], now: float, settings: EpisodeSettings) -> bool:
    flap = settings.flap
    return flap is not None and len(recent(restarts, now, settings)) >= flap.transitions


def rested(
    rest: Rest, *, known: bool, holds: bool, now: float, elapsed: float, settings: EpisodeSettings
) -> Rest | None:
    """The rest after an evaluation in which nothing fired, None when it was long enough.

    Time of which nothing is ``known`` is no quiet time; neither is one in which it ``holds`` already, only
    not for long enough to fire.
    """
    if holds:
        return Rest(now, rest.severity)
    if not known:
        return Rest(min(now, rest.since + elapsed), rest.severity)
    quiet = 0.0 if settings.flap is None else settings.flap.quiet_seconds
    return None if now - rest.since >= quiet else rest
