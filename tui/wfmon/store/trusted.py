"""Up to when the clock is believed where something is to be deleted for its age.

A host that begins with a wrong clock, or a person who sets it years ahead for a minute, must not cost a
year of history: what looks old only since a leap of the clock stays until the clock has gone on for a day.
"""

from __future__ import annotations

LEAP = 3600.0  # seconds between two looks; more is a leap, or a time in which nobody looked
SETTLED = 86_400.0  # seconds without a leap after which the clock is believed


class TrustedClock:
    """``newest``: the last moment that is known to have been (POSIX seconds); None where nothing is."""

    def __init__(self, newest: float | None) -> None:
        self._trusted = newest
        self._last = newest
        self._steady_since: float | None = None

    def at(self, now: float) -> float:
        """The moment that is believed to be past when the clock says ``now``; never later than that."""
        last, self._last = self._last, now
        if self._trusted is None or now <= self._trusted:
            self._trusted, self._steady_since = now, None
        elif last is not None and 0 <= now - last <= LEAP:
            self._trusted += now - last
        else:
            self._steady_since = now
        if self._steady_since is not None and now - self._steady_since >= SETTLED:
            self._trusted, self._steady_since = now, None
        return self._trusted
