"""The time for which a log source vouches: a run that it has not told did not end then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wfmon.model.history import Role, Watched
from wfmon.model.log import FileMark


class Vouch:
    """Spans that follow one another without a gap, but where lines were missed."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._until: float | None = None  # up to here it was vouched
        self._newest: float | None = None  # line of the earlier process

    def resume(self, marks: Sequence[FileMark]) -> None:
        """The earlier process vouched up to a time behind its newest line."""
        self._newest = max((mark.newest_at for mark in marks if mark.newest_at is not None), default=None)

    def watched(
        self, now: float, since: Callable[[], float], missed_at: float | None, *, whole: bool
    ) -> tuple[Watched, ...]:
        """The span that this answer adds. ``since``: what is read back reaches so far; ``missed_at``: when
        lines were found to be missed; ``whole`` False: something is not read now."""
        if not whole:
            return ()
        begin = self._until
        if begin is None:
            begin = since()
            if missed_at is None and self._newest is not None:
                begin = min(begin, self._newest)
        elif missed_at is not None and missed_at > begin:
            begin = missed_at
        if begin > now:
            return ()
        self._until = now
        return (Watched(self._source, Role.LOGS, begin, now),) if begin < now else ()
