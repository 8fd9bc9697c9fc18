"""What a run used by model and attempt, as bytes; only of runs of which their row does not tell it all."""

from __future__ import annotations

import msgspec

from wfmon.model.record import dataclass, replace
from wfmon.model.run import ModelUsage, Run, Usage
from wfmon.text.sanitize import safe

MOST_PACKED = 64 * 1024
MOST_PARTS = 100
TEXT_LIMIT = 500
_MOST_NUMBER = 1 << 62
_MOST_USD = 1e12


@dataclass(frozen=True, slots=True)
class PackedUsage:
    parts: tuple[ModelUsage, ...] = ()
    retried: tuple[ModelUsage, ...] = ()
    calls: tuple[tuple[str, int], ...] = ()


NOTHING = PackedUsage()
_DECODER = msgspec.msgpack.Decoder(PackedUsage)


def pack_usage(run: Run) -> bytes | None:
    if not run.parts and not run.retried and not run.calls:
        return None
    told = PackedUsage(run.parts[:MOST_PARTS], run.retried[:MOST_PARTS], run.calls[:MOST_PARTS])
    return msgspec.msgpack.encode(told)


def unpack_usage(blob: object) -> PackedUsage:
    """Nothing for what none of ours can be; every text is safe, every number one that can be meant."""
    if not isinstance(blob, bytes) or len(blob) > MOST_PACKED:
        return NOTHING
    try:
        found = _DECODER.decode(blob)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return NOTHING
    return PackedUsage(
        tuple(_clean(part) for part in found.parts[:MOST_PARTS]),
        tuple(_clean(part) for part in found.retried[:MOST_PARTS]),
        tuple(
            (safe(name, limit=TEXT_LIMIT), count) for name, count in found.calls[:MOST_PARTS] if count >= 0
        ),
    )


def _clean(part: ModelUsage) -> ModelUsage:
    usage = part.usage
    cost = usage.cost_usd
    return replace(
        part,
        provider=safe(part.provider, limit=TEXT_LIMIT),
        model=safe(part.model, limit=TEXT_LIMIT),
        service=safe(part.service, limit=TEXT_LIMIT),
        usage=Usage(
            _count(usage.input),
            _count(usage.output),
            _count(usage.cached),
            _count(usage.cache_write),
            _count(usage.reasoning),
            _count(usage.total),
            cost if cost is not None and 0 <= cost < _MOST_USD else None,
        ),
        calls=_count(part.calls),
    )


def _count(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < _MOST_NUMBER else None
