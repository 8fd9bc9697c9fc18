"""What was found on this host where no source is named, and what was not looked at."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """One system in words (``Prometheus 2.42.0 on 127.0.0.1:9090``).

    ``source`` names the source that reads it; empty: nothing can be read of it without more being said.
    ``paths`` are the globs of its log files. ``gone_since``: POSIX seconds of the first look that did not
    find it any more.
    """

    what: str
    source: str = ""
    paths: tuple[str, ...] = ()
    gone_since: float | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """``at``: POSIX seconds of the last look; None: the first is under way. ``looked``: where, a part each.
    ``left``: what was not looked at or may not be read, with what would give it. ``every``: seconds between
    looks. ``problem``: why the last look failed."""

    at: float | None = None
    found: tuple[Found, ...] = ()
    looked: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    every: float | None = None
    problem: str | None = None

    @property
    def readable(self) -> bool:
        """Whether anything that was found is there and is read."""
        return any(each.source and each.gone_since is None for each in self.found)
