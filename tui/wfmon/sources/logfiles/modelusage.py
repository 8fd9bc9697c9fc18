"""What a run used by model: parts that add up to what it used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wfmon.model.record import dataclass
from wfmon.model.run import NO_USAGE, ModelUsage, Usage
from wfmon.sources.logfiles.usage import UsageSum

LONG_CALL = 100_000  # input tokens: so long a call may be of a higher tier, and stays a part of its own
MOST_LONG = 20
Name = tuple[str, str, str]  # provider, model, service; empty: not told


@dataclass(frozen=True, slots=True)
class Piece:
    """Usage that is of one model. ``calls``: lines that told it."""

    name: Name
    used: UsageSum
    calls: int


def parts(pieces: Iterable[Piece], whole: Usage, own: Name) -> tuple[ModelUsage, ...]:
    """By model; empty where ``own`` (the run's provider and model) and ``whole`` say it all.

    ``whole`` is what the run used. Where its end tells more than its pieces, the rest is a part without
    names, unless there is but one; where it tells less, the split is not known.
    """
    found: list[Piece] = _grouped(pieces)
    if not found:
        return ()
    if len(found) == 1 and found[0].name[2] == "" and found[0].calls != 1:
        provider, model, _ = found[0].name
        if (provider, model or own[1]) == own[:2] or (not provider and not model):
            return ()
    made = [ModelUsage(*_named(each.name, own), each.used.usage(), each.calls or None) for each in found]
    rest = _rest(whole, [part.usage for part in made])
    if rest is None:
        return ()
    if rest != NO_USAGE:
        if len(made) == 1:
            only = made[0]
            return (ModelUsage(only.provider, only.model, only.service, whole, only.calls),)
        made.append(ModelUsage("", "", "", rest))
    return tuple(made)


def retried(pieces: Iterable[Piece], own: Name) -> tuple[ModelUsage, ...]:
    """What superseded attempts used, by model."""
    return tuple(
        ModelUsage(*_named(each.name, own), each.used.usage(), None) for each in _grouped(pieces, apart=False)
    )


def _named(name: Name, own: Name) -> Name:
    """A piece that tells no model is of the run's."""
    provider, model, service = name
    return (provider or own[0], model or own[1], service) if not model else name


def _grouped(pieces: Iterable[Piece], *, apart: bool = True) -> list[Piece]:
    """One of each name; long calls apart."""
    groups: dict[Name, UsageSum] = {}
    calls: dict[Name, int] = {}
    long: list[Piece] = []
    for piece in pieces:
        if piece.used.empty:
            continue
        if apart and piece.calls == 1 and (piece.used.input or 0) > LONG_CALL and len(long) < MOST_LONG:
            long.append(piece)
            continue
        groups.setdefault(piece.name, UsageSum()).add(piece.used)
        calls[piece.name] = calls.get(piece.name, 0) + piece.calls
    return [*(Piece(name, used, calls[name]) for name, used in groups.items()), *long]


def _rest(whole: Usage, told: Sequence[Usage]) -> Usage | None:
    """What of ``whole`` no part tells; None where the parts tell more than it."""
    kinds: list[int | None] = []
    for name in ("input", "output", "cached", "cache_write", "reasoning", "total"):
        all_of_it = getattr(whole, name)
        known = [value for each in told if (value := getattr(each, name)) is not None]
        if all_of_it is None:
            if known and name in ("input", "output", "total"):
                return None
            kinds.append(None)
            continue
        left = all_of_it - sum(known)
        if left < 0:
            return None
        kinds.append(left or None)
    costs = [each.cost_usd for each in told]
    cost = None
    if whole.cost_usd is not None and None not in costs:
        cost = whole.cost_usd - sum(each or 0.0 for each in costs)
        if cost < -1e-9 * max(1.0, whole.cost_usd):
            return None
        cost = cost if cost > 1e-9 * max(1.0, whole.cost_usd) else None
    into, out, cached, written, reasoning, total = kinds
    return (
        NO_USAGE
        if cost is None and not any(kinds)
        else Usage(into, out, cached, written, reasoning, total, cost)
    )
