"""Prices that were looked up, kept in a file of the state directory, so that a model is looked up once."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from wfmon.model.prices import ModelRef, Rates, Tier, UnitPrice
from wfmon.text.sanitize import safe

NAME = "prices.json"
SECONDS = 15.0  # for one look at the price data
AGAIN_SECONDS = 86_400.0  # until a model that was not known is looked up again
MOST_BYTES = 4 * 1024 * 1024
MOST = 5000
_MODULE = "wfmon.sources.prices.resolver"


class Price(msgspec.Struct, frozen=True):
    """As the resolver tells it, in USD per million tokens."""

    input: float | None
    output: float | None = None
    cached: float | None = None
    cache_write: float | None = None
    matched: str = ""
    tiers: list[PriceTier] = []


class PriceTier(msgspec.Struct, frozen=True):
    above: float
    input: float | None = None
    output: float | None = None
    cached: float | None = None
    cache_write: float | None = None


class Answer(msgspec.Struct, frozen=True):
    version: str
    prices: list[Price | None]


class Entry(msgspec.Struct, frozen=True):
    at: float
    price: Price | None


class Kept(msgspec.Struct, frozen=True):
    """``entries`` by ``ModelRef.id``, of one version of the price data."""

    version: str
    entries: dict[str, Entry]


class PriceError(Exception):
    """Prices could not be looked up; the text says why, in words."""


def installed() -> str | None:
    """The version of the price data; None where the extra is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("genai-prices")
    except PackageNotFoundError:
        return None


def look_up(refs: Iterable[ModelRef]) -> Answer:
    """In a process of its own; blocks for about half a second. Raises ``PriceError``."""
    import subprocess

    wanted = [{"provider": ref.provider, "model": ref.model, "service": ref.service} for ref in refs]
    command = [sys.executable, "-m", _MODULE]
    try:
        done = subprocess.run(
            command, input=msgspec.json.encode(wanted), capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PriceError(f"the price data did not answer: {type(error).__name__}") from error
    if done.returncode or len(done.stdout) > MOST_BYTES:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PriceError(f"the price data did not answer: {safe(last[0] if last else 'no reason given')}")
    try:
        answer = msgspec.json.decode(done.stdout, type=Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PriceError(f"the price data is not as expected: {type(error).__name__}") from error
    if len(answer.prices) != len(wanted):
        raise PriceError("the price data is not as expected: too few prices")
    return answer


def unit_price(price: Price, of: str) -> UnitPrice | None:
    """None where it has a number that nobody can mean."""
    every: list[Price | PriceTier] = [price, *price.tiers]
    numbers = [each for tier in every for each in _rates(tier) if each is not None]
    if any(not 0 <= number < 1e9 for number in numbers):
        return None
    return UnitPrice(
        Rates(*_rates(price)),
        f"genai-prices {safe(of, limit=40)}",
        safe(price.matched, limit=200),
        tuple(Tier(tier.above, Rates(*_rates(tier))) for tier in sorted(price.tiers, key=lambda t: t.above)),
    )


def _rates(told: Price | PriceTier) -> tuple[float | None, ...]:
    return told.input, told.output, told.cached, told.cache_write


class FoundPrices:
    """The file ``path``; None: nothing is kept. One thread at a time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: Kept | None = None
        self._stamp: tuple[int, int] | None = None

    def read(self) -> Mapping[str, UnitPrice | None]:
        """What was found so far; what is no file of ours is as none."""
        kept = self._load()
        return {
            safe(name, limit=500): None if entry.price is None else unit_price(entry.price, kept.version)
            for name, entry in kept.entries.items()
        }

    def missing(self, refs: Iterable[ModelRef], now: float) -> list[ModelRef]:
        """Those of ``refs`` that are to be looked up."""
        kept = self._load()
        own = installed()
        if own is None:
            return []
        entries = kept.entries if kept.version == own else {}
        found = []
        for ref in dict.fromkeys(refs):
            entry = entries.get(ref.id)
            if entry is None or (entry.price is None and not 0 <= now - entry.at < AGAIN_SECONDS):
                found.append(ref)
        return found

    def learn(self, refs: Iterable[ModelRef], now: float) -> None:
        """Look ``refs`` up and keep what is found. Raises ``PriceError``."""
        wanted = list(refs)
        answer = look_up(wanted)
        kept = self._load()
        entries = dict(kept.entries) if kept.version == answer.version else {}
        entries |= {ref.id: Entry(now, price) for ref, price in zip(wanted, answer.prices, strict=True)}
        for name in list(entries)[: max(0, len(entries) - MOST)]:
            del entries[name]
        self._kept = Kept(answer.version, entries)
        self._write(self._kept)

    def _load(self) -> Kept:
        stamp = self._stamped()
        if self._kept is None or stamp != self._stamp:
            self._kept, self._stamp = self._file(), stamp
        return self._kept

    def _stamped(self) -> tuple[int, int] | None:
        if self._path is None:
            return self._stamp
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _file(self) -> Kept:
        nothing = Kept("", {})
        if self._path is None:
            return self._kept or nothing
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(MOST_BYTES), type=Kept)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return nothing

    def _write(self, kept: Kept) -> None:
        """What cannot be kept is looked up again by the next process."""
        if self._path is None:
            return
        import tempfile

        with contextlib.suppress(OSError):
            handle, name = tempfile.mkstemp(prefix=f".{NAME}.", dir=self._path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.encode(kept))
                mode = 0o660 if self._path.parent.stat().st_mode & 0o020 else 0o600
                os.chmod(name, mode)
                os.replace(name, self._path)
            except OSError:
                os.unlink(name)
                raise
            self._stamp = self._stamped()
