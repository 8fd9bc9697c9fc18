"""Knows what models cost: looks new ones up in a thread of its own, and learns the mix of their calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import SimpleQueue

from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.pricemix import mixes_of
from wfmon.analysis.seenprices import seen_refs
from wfmon.config import schema
from wfmon.model.prices import Mix, ModelRef, Override, PriceBook, Rates, UnitPrice
from wfmon.model.record import replace
from wfmon.model.snapshot import TokenRow
from wfmon.sources.prices.found import NAME, FoundPrices, PriceError, installed
from wfmon.store.paths import StateDir

SEEN_SECONDS = 5.0  # between two looks for new models
MIX_SECONDS = 300.0
AGAIN_SECONDS = 600.0  # after a look that failed


def overrides_of(config: schema.Config) -> tuple[Override, ...]:
    return tuple(
        Override(
            each.model,
            Rates(each.input_mtok, each.output_mtok, each.cached_mtok, each.cache_write_mtok),
            each.provider,
            each.service,
        )
        for each in config.prices.override
    )


class Pricing:
    """``saw`` and ``book`` are called by the loop and by the history's thread; neither waits.

    ``problem``: why prices cannot be looked up, in words; None: they can, or nobody asked.
    """

    def __init__(self, config: schema.Config, state: StateDir | None, clock: Callable[[], float] = time.time):
        self._wanted = bool(config.prices.source)
        self._learns = config.prices.untyped == "learn"
        self._found = FoundPrices(state.path / NAME if state is not None and state.problem is None else None)
        self._book = PriceBook(overrides_of(config))
        self._clock = clock
        self._known: set[ModelRef] = set()
        self._work: SimpleQueue[tuple[ModelRef, ...] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._seen_at = self._mixed_at = 0.0
        self._again_at = 0.0
        self._lock = threading.Lock()
        self.problem: str | None = None

    @property
    def book(self) -> PriceBook:
        return self._book

    def saw(self, tokens: Sequence[TokenRow], logs: Sequence[ObservedRuns], now: float) -> None:
        """Models are on the screen."""
        if 0 <= now - self._seen_at < SEEN_SECONDS:
            return
        self._seen_at = now
        self.want(seen_refs(tokens, logs), now)
        if self._learns and not 0 <= now - self._mixed_at < MIX_SECONDS:
            self._mixed_at = now
            mixes = mixes_of(logs, self._book, now)
            if mixes != self._book.mixes:
                self._put(mixes=mixes)

    def want(self, refs: Iterable[ModelRef], now: float) -> None:
        if not self._wanted or now < self._again_at:
            return
        new = tuple(dict.fromkeys(ref for ref in refs if ref not in self._known and ref.model))
        if not new:
            return
        self._known.update(new)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="prices", daemon=True)
            self._thread.start()
        self._work.put(new)

    def stop(self) -> None:
        self._work.put(None)

    # in the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        while (refs := self._work.get()) is not None:
            try:
                self._look_up(refs)
            except PriceError as error:
                self.problem = str(error)
                self._again_at = self._clock() + AGAIN_SECONDS
                self._known.difference_update(refs)

    def _look_up(self, refs: Sequence[ModelRef]) -> None:
        if installed() is None:
            self.problem = 'no price data: install the extra "prices"'
        missing = self._found.missing(refs, self._clock())
        if missing:
            self._found.learn(missing, self._clock())
        kept = self._found.read()
        self._put(found={**self._book.found, **{ref.id: kept.get(ref.id) for ref in refs}})

    def _put(
        self,
        found: Mapping[str, UnitPrice | None] | None = None,
        mixes: Mapping[str, Mix] | None = None,
    ) -> None:
        with self._lock:
            book = self._book
            self._book = replace(
                book,
                found=book.found if found is None else found,
                mixes=book.mixes if mixes is None else mixes,
            )


def make_book(config: schema.Config, state: StateDir) -> Callable[[], PriceBook]:
    """For a process that only reads: the user's prices, and those that a collector has looked up."""
    found, overrides = FoundPrices(state.path / NAME), overrides_of(config)
    last: list[PriceBook] = []

    def book() -> PriceBook:
        made = PriceBook(overrides, found.read() if config.prices.source else {})
        if not last or last[0] != made:
            last[:] = [made]
        return last[0]

    return book


def price_now(
    config: schema.Config, state: StateDir | None, refs: Iterable[ModelRef], now: float
) -> tuple[PriceBook, str | None]:
    """The prices of ``refs``, looked up now where no collector has done so; and why that could not be.
    ``state`` None: nothing is kept."""
    book = PriceBook(overrides_of(config))
    if not config.prices.source:
        return book, None
    found = FoundPrices(state.path / NAME if state is not None and state.problem is None else None)
    wanted = [ref for ref in refs if ref.model and book.unit(ref) is None]
    problem = None
    try:
        missing = found.missing(wanted, now)
        if missing:
            found.learn(missing, now)
    except PriceError as error:
        problem = str(error)
    return replace(book, found=found.read()), problem
