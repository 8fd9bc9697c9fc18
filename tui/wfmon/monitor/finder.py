"""Looks around the host in a thread of its own, now and then, and tells the loop what came and what went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from wfmon.model.discovery import Discovery, Found
from wfmon.model.record import dataclass, replace
from wfmon.sources.base import Source
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.config import schema
    from wfmon.sources.discovery.propose import Proposal

SOON = 3.0  # seconds to the next look after one that had too much to see
STRETCH = 1000.0  # the time between looks grows to this many times the CPU time of the last
MOST_GONE = 20
GONE_SECONDS = 86_400.0  # what has gone is told so long
MOST_LEFT = 12


class Eyes(Protocol):
    """What looks (``discovering.HostEyes``); made, and asked, in the finder's thread. May raise anything."""

    def look(self, now: float) -> Proposal: ...
    def build(self, entry: schema.Source) -> Source: ...


@runtime_checkable
class Widens(Protocol):
    """A source of files that can take more of them while it is read."""

    def widen(self, paths: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look came to; ``sources`` are new."""

    discovery: Discovery
    sources: tuple[Source, ...] = ()


class Finder:
    """``begin`` looks for the first time and then every ``every`` seconds; ``clock`` gives POSIX seconds.
    ``before``: what an earlier collector had found; what of it is not found again is told as gone."""

    def __init__(
        self,
        eyes: Callable[[], Eyes],
        every: float,
        *,
        before: Discovery | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._make = eyes
        self._every = every
        self._clock = clock
        self._eyes: Eyes | None = None
        self._sources: dict[str, Source] = {}
        self._before = {each.source or each.what: each for each in before.found} if before is not None else {}
        self._last = self.pending
        self._whole = True
        self._wake = threading.Event()
        self._stopping = False
        self.begun = False

    @property
    def pending(self) -> Discovery:
        """What is known while the first look is under way."""
        return Discovery(every=self._every)

    def begin(self, deliver: Callable[[Finding], None]) -> None:
        """Never waits; ``deliver`` is called in the finder's thread."""
        self.begun = True
        threading.Thread(target=self._run, args=(deliver,), name="finder", daemon=True).start()

    def hurry(self) -> None:
        """Somebody wants to know now."""
        self._wake.set()

    def stop(self) -> None:
        """Ends after the look that is under way; never waits for it."""
        self._stopping = True
        self._wake.set()

    def _run(self, deliver: Callable[[Finding], None]) -> None:
        while not self._stopping:
            cpu = time.thread_time()
            finding = self.look()
            if not self._stopping:
                deliver(finding)
            pause = max(self._every, STRETCH * (time.thread_time() - cpu))
            self._wake.wait(pause if self._whole else min(SOON, pause))
            self._wake.clear()

    def look(self) -> Finding:
        """One look, here."""
        now = self._clock()
        try:
            if self._eyes is None:
                self._eyes = self._make()
            proposal = self._eyes.look(now)
            new = self._take(proposal, self._eyes)
            self._whole = proposal.whole
        except Exception as error:  # noqa: BLE001 - told on the screen: a look that fails is no empty host
            words = safe(f"{type(error).__name__}: {error}", limit=300)
            self._last = replace(self._last, at=now, problem=words)
            return Finding(self._last)
        left = proposal.left[:MOST_LEFT]
        if len(proposal.left) > MOST_LEFT:
            left = (*left, f"and {len(proposal.left) - MOST_LEFT} more")
        found = self._found(proposal, now)
        self._last = Discovery(now, found, proposal.looked, left, self._every)
        return Finding(self._last, tuple(new))

    def _take(self, proposal: Proposal, eyes: Eyes) -> list[Source]:
        """Build what is new; a source of files that there are more of now reads them too."""
        new = []
        for entry in (each.entry for each in proposal.proposed if each.entry is not None):
            known = self._sources.get(entry.name)
            if known is None:
                self._sources[entry.name] = source = eyes.build(entry)
                new.append(source)
            elif entry.paths and isinstance(known, Widens):
                known.widen(entry.paths)
        return new

    def _found(self, proposal: Proposal, now: float) -> tuple[Found, ...]:
        present = {each.key: each.found for each in proposal.proposed}
        # Keys of an earlier collector are not known: its sources are.
        there = {found.source or found.what for found in present.values()}
        gone = []
        for key, found in self._before.items():
            if key in present or (found.source or found.what) in there:
                continue
            since = found.gone_since if found.gone_since is not None else now
            if now - since < GONE_SECONDS:
                gone.append((key, replace(found, gone_since=since)))
        gone = gone[-MOST_GONE:]
        self._before = {**present, **dict(gone)}
        return (*present.values(), *(found for _, found in gone))
