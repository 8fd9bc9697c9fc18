"""What another process collects, as it is read here."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import tzinfo
from typing import TYPE_CHECKING

from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Collector, Level, Snapshot, Verdict
from wfmon.store.lanes import Lane
from wfmon.text.numbers import age, clock
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.store.livefile import Live, LiveReader
    from wfmon.store.wire import Decoder

SILENT_SECONDS = 5.0  # without a sign of life until its figures are called old


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to see of a collector.

    ``snapshot``: the newest that could be read, as it was collected; ``new``: since the last look.
    ``beat``: its last sign of life (POSIX seconds), ``silent``: seconds since then; both are those of the
    first look where there never was one. ``foreign``: it is written in a way that this version does not
    know; ``sick``: why it cannot be read, once that has lasted.
    """

    snapshot: Snapshot | None
    new: bool
    beat: float
    silent: float
    epoch: int
    foreign: bool = False
    sick: str | None = None

    @property
    def fresh(self) -> bool:
        """Whether it is there, can be read and is of a collector that lives."""
        known = self.snapshot is not None and not self.foreign and self.sick is None
        return known and self.silent < SILENT_SECONDS


class Follower:
    """Looks at the live file of a lane. One thread at a time; nothing of it raises."""

    def __init__(self, lane: Lane, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lane = lane
        self._monotonic = monotonic
        self._reader: LiveReader | None = None
        self._decoder: Decoder | None = None
        self._snapshot: Snapshot | None = None
        self._seen: tuple[int, int] | None = None
        self._beat: float | None = None
        self._heard = monotonic()
        self._sick: str | None = None
        self._sick_since = self._heard

    def look(self, now: float) -> Sight:
        """A look at what is there; decodes only what is new."""
        from wfmon.store.livefile import LiveReader
        from wfmon.store.wire import SCHEMA

        if self._reader is None:
            self._reader = LiveReader(self._lane)
        live = self._reader.look()
        if live is None:
            self._sicken(self._reader.problem)
        new = False
        foreign = live is not None and live.schema != SCHEMA
        if live is not None:
            self._listen(live.beat, now)
            if not foreign and (live.epoch, live.sequence) != self._seen:
                new = self._decode(live)
                self._seen = (live.epoch, live.sequence)
        silent = self._monotonic() - self._heard
        beat = self._beat if self._beat is not None else now - silent
        epoch = live.epoch if live is not None else 0
        lasting = self._sick is not None and self._monotonic() - self._sick_since >= SILENT_SECONDS
        return Sight(self._snapshot, new, beat, silent, epoch, foreign, self._sick if lasting else None)

    def _listen(self, beat: float, now: float) -> None:
        """Silence is counted on a clock that nobody sets; only the first look must trust the beat."""
        if beat != self._beat:
            first = self._beat is None
            self._heard = self._monotonic() - (max(0.0, now - beat) if first else 0.0)
            self._beat = beat

    def _sicken(self, why: str | None) -> None:
        if self._sick is None:
            self._sick_since = self._monotonic()
        self._sick = safe(why) if why is not None else None

    def _decode(self, live: Live) -> bool:
        from wfmon.store.wire import Decoder, WireError

        if self._decoder is None:
            self._decoder = Decoder()
        try:
            self._snapshot = self._decoder.decode(live.chunks)
        except WireError as error:
            self._sicken(str(error))
            return False
        self._sicken(None)
        return True


def unanswered(
    shown: Snapshot, who: Collector, silent: float, of: float | None, zone: tzinfo | None
) -> Snapshot:
    """``shown``, which is of the moment ``of`` (None: there is nothing), with a verdict that says so:
    ``who`` has not answered for ``silent`` seconds."""
    figures = "nothing is known" if of is None else f"figures are of {clock(of, zone)}"
    text = f"collector {who.user} (pid {who.pid}) has not answered for {age(silent)}: {figures}"
    return not_live(shown, text)


def not_live(shown: Snapshot, text: str) -> Snapshot:
    """``shown`` with ``text`` as its verdict; what was wrong then is said behind it."""
    before = shown.verdict
    if before.level not in (Level.CRITICAL, Level.WARNING):
        return replace(shown, verdict=Verdict(Level.UNKNOWN, text))
    also = f"then {before.text}"
    return replace(
        shown, verdict=Verdict(Level.UNKNOWN, f"{text} · {also}", before.alert_id, (also, *before.also))
    )
