"""A snapshot as bytes for other processes: in chunks, so that what did not change costs nothing.

The first chunk tells what the others are; the second is the snapshot itself without its parts; then
come the parts, one chunk each, or one per workflow, run, or workflow's recent runs. Both sides keep
what they made of a chunk as long as it is the same. Fields are told by name: one that a side does not
know is passed over, one that is missing has its default. Anything else needs a new ``SCHEMA``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_type_hints

import msgspec

from wfmon.model.prices import PriceBook
from wfmon.model.record import dataclass, replace
from wfmon.model.run import Run
from wfmon.model.snapshot import Cost, Snapshot, Totals
from wfmon.store.cleaning import Cleaner, Unclean, cleaner

SCHEMA = 1
RECENT_RUNS = 2_000
RUNS = 10_000
MOST_CHUNKS = 100_000

# Parts of which each element is a chunk, parts that are one chunk, and what stands for them in the head.
_EACH = ("workflows", "runs")
_WHOLE = (
    "sources",
    "totals",
    "tokens",
    "cost",
    "host",
    "alerts",
    "ended",
    "unjudged",
    "fillings",
    "retention",
    "history",
    "changes",
    "discovery",
    "rules",
    "calls",
    "prices",
)
_RECENT = "recent"
_BARE: Mapping[str, Any] = MappingProxyType(
    {
        **dict.fromkeys((*_EACH, *_WHOLE), ()),
        "totals": Totals(),
        "cost": Cost(),
        "host": None,
        "history": None,
        "discovery": None,
        "prices": PriceBook(),
        _RECENT: {},
    }
)


class WireError(Exception):
    """What was read is no snapshot; the text says why, in words."""


@dataclass(frozen=True, slots=True)
class Part:
    """``count`` chunks of one part of the snapshot."""

    name: str
    count: int


def _plain(value: object) -> object:
    """Durations and sizes of settings are numbers of a type of their own."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    raise NotImplementedError(f"{type(value).__name__} is no part of a snapshot")


class Encoder:
    """One thread at a time."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
        self._known: dict[int, tuple[object, bytes]] = {}
        self._next: dict[int, tuple[object, bytes]] = {}
        self._told: dict[str, tuple[tuple[Run, ...], bytes]] = {}

    def encode(self, snapshot: Snapshot) -> list[bytes]:
        """Its chunks. Of ``recent`` at most ``RECENT_RUNS`` runs are told, evenly over the workflows; of
        ``runs`` the first ``RUNS``."""
        self._next = {}
        parts: list[Part] = []
        chunks: list[bytes] = []
        for name in _WHOLE:
            chunks.append(self._chunk(getattr(snapshot, name)))
            parts.append(Part(name, 1))
        for name in _EACH:
            values = getattr(snapshot, name)[:RUNS]
            chunks.extend(map(self._chunk, values))
            parts.append(Part(name, len(values)))
        recent = list(self._recent(snapshot.recent))
        parts.append(Part(_RECENT, len(recent)))
        head = self._encoder.encode(replace(snapshot, **_BARE))
        self._known = self._next
        return [self._encoder.encode(parts), head, *chunks, *recent]

    def _chunk(self, value: object) -> bytes:
        """``value`` encoded, from the last time if it is the very same object: what was encoded then is
        held, so that its id is not another's."""
        known = self._known.get(id(value)) or (value, self._encoder.encode(value))
        self._next[id(value)] = known
        return known[1]

    def _recent(self, recent: Mapping[str, tuple[Run, ...]]) -> Iterator[bytes]:
        most = _evenly([len(runs) for runs in recent.values()], RECENT_RUNS)
        told = {}
        for name, runs in recent.items():
            if len(runs) > most:
                yield self._encoder.encode((name, runs[-most:] if most else ()))
                continue
            before = self._told.get(name)
            if before is None or before[0] is not runs:
                before = (runs, self._encoder.encode((name, runs)))
            told[name] = before
            yield before[1]
        self._told = told


class Decoder:
    """One thread at a time. What came in an equal chunk before is the same object again."""

    def __init__(self) -> None:
        hints = get_type_hints(Snapshot)
        element = {name: hints[name].__args__[0] for name in _EACH}
        kinds: dict[str, Any] = {
            **{name: hints[name] for name in _WHOLE},
            **element,
            _RECENT: tuple[str, tuple[Run, ...]],
        }
        self._layout = msgspec.msgpack.Decoder(list[Part])
        self._head = _Reading(Snapshot)
        self._readings = {name: _Reading(kind) for name, kind in kinds.items()}
        self._chunks: Sequence[bytes] | None = None
        self._snapshot: Snapshot | None = None
        self._parts: dict[str, tuple[tuple[bytes, ...], Any]] = {}

    def decode(self, chunks: Sequence[bytes]) -> Snapshot:
        """Every text in it is safe, every number one that can be shown; raises WireError."""
        if chunks is self._chunks and self._snapshot is not None:
            return self._snapshot
        try:
            snapshot = self._decoded(chunks)
        except Unclean as error:
            raise WireError(f"not a snapshot: {error}") from error
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
            # What the decoder says may hold text of the writer.
            raise WireError(f"not a snapshot: {type(error).__name__}") from error
        self._chunks, self._snapshot = chunks, snapshot
        return snapshot

    def _decoded(self, chunks: Sequence[bytes]) -> Snapshot:
        if not 2 <= len(chunks) <= MOST_CHUNKS:
            raise WireError(f"not a snapshot: of {len(chunks)} parts")
        layout = self._layout.decode(chunks[0])
        if 2 + sum(max(0, part.count) for part in layout) != len(chunks):
            raise WireError("not a snapshot: parts are missing")
        head: Snapshot = self._head.of(chunks[1])
        found: dict[str, Any] = {}
        parts: dict[str, tuple[tuple[bytes, ...], Any]] = {}
        start = 2
        for part in layout:
            end = start + max(0, part.count)
            if part.name in self._readings:  # else it is of a newer version
                mine = tuple(chunks[start:end])
                before = self._parts.get(part.name)
                if before is None or before[0] != mine:
                    before = (mine, self._part(part.name, mine))
                parts[part.name], found[part.name] = before, before[1]
            start = end
        self._head.turn()
        for reading in self._readings.values():
            reading.turn()
        self._parts = parts
        return replace(self._with_same(head), **found)

    def _part(self, name: str, chunks: Sequence[bytes]) -> Any:
        reading = self._readings[name]
        if name in _EACH:
            return tuple(map(reading.of, chunks))
        if name == _RECENT:
            return MappingProxyType(dict(map(reading.of, chunks)))
        if len(chunks) != 1:
            raise WireError(f"not a snapshot: {len(chunks)} times {name}")
        return reading.of(chunks[0])

    def _with_same(self, head: Snapshot) -> Snapshot:
        """The parts that are always sent anew, as the objects of before where they are equal."""
        before = self._snapshot
        if before is None:
            return head
        same = {
            name: getattr(before, name)
            for name in ("collector", "verdict")
            if getattr(before, name) == getattr(head, name)
        }
        return replace(head, **same)


class _Reading:
    """Chunks of one type, each decoded and cleaned once while it is in use."""

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._clean: Cleaner | None = cleaner(kind)
        self._known: dict[bytes, Any] = {}
        self._used: dict[bytes, Any] = {}

    def of(self, chunk: bytes) -> Any:
        value = self._known.get(chunk, _NONE)
        if value is _NONE:
            value = self._decoder.decode(chunk)
            if self._clean is not None:
                value = self._clean(value)
        self._used[chunk] = value
        return value

    def turn(self) -> None:
        """Forget what was not asked for since the last turn, if anything was."""
        if self._used:
            self._known, self._used = self._used, {}


_NONE = object()


def _evenly(counts: Sequence[int], total: int) -> int:
    """The largest share that each may have so that all together have at most ``total``."""
    left, share = total, 0
    ordered = sorted(counts)
    for index, count in enumerate(ordered):
        each = left // (len(ordered) - index)
        if count > each:
            return each
        left, share = left - count, count
    return share
