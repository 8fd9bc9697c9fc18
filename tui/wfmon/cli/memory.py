"""Between the sources that count growth and the looks that outlive the process."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.look import Look, Target
from wfmon.sources.base import Recalls, Source
from wfmon.store.scraped import KeptLooks


class Memory:
    """Gives each source its past before its first poll, and keeps the first look of this process.

    For processes that end soon: reading the past costs up to 0.3 s at 1000 workflows, which the screen
    cannot wait for.
    """

    def __init__(self, sources: Sequence[Source], kept: KeptLooks) -> None:
        self._kept = kept
        self._first: dict[Target, Look] = {}
        for source in sources:
            if isinstance(source, Recalls):
                source.recall(kept.read, self._saw)

    def _saw(self, target: Target, look: Look) -> None:
        # What came between the first and a later one of this process would not count next time.
        self._first.setdefault(target, look)

    def keep(self, now: float) -> tuple[str, ...]:
        """Store what was seen; why it could not be, in words."""
        problems = (self._kept.add(target, look, now) for target, look in self._first.copy().items())
        return tuple(dict.fromkeys(problem for problem in problems if problem is not None))
