"""From growth of token and cost counters to rows of what was used and spent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from wfmon.model.history import Role
from wfmon.model.metrics import CostKey, TokenKey, TokenKind
from wfmon.model.record import dataclass, field, replace
from wfmon.model.spend import FIGURES, Amounts, SpendKey, SpendSum

_FIGURE = {
    TokenKind.INPUT: "input",
    TokenKind.OUTPUT: "output",
    TokenKind.CACHED: "cached",
    TokenKind.CACHE_WRITE: "cache_write",
    TokenKind.REASONING: "reasoning",
    TokenKind.TOTAL: "untyped",
}
_DIMS = ("workflow", "provider", "model")


@dataclass(slots=True)
class Used:
    """Figures of ``Amounts`` by name while they are added up; only what is told is there. ``paid``: see
    ``SpendSum``."""

    figures: dict[str, float] = field(default_factory=dict)
    paid: bool = False

    def add(self, figures: Mapping[str, float], *, paid: bool) -> None:
        for name, value in figures.items():
            self.figures[name] = self.figures.get(name, 0.0) + value
        self.paid = self.paid or paid

    def row(self, at: float, key: SpendKey, source: str, profile: str = "") -> SpendSum:
        amounts = Amounts(**self.figures)
        return SpendSum(at, key, source, Role.METRICS, amounts, self.paid, profile)


def used(
    tokens: Mapping[TokenKey, float], cost: Mapping[CostKey, float], told: Collection[CostKey]
) -> dict[CostKey, Used]:
    """What grew, of one profile, each key once: tokens by kind, and cost in USD.

    ``tokens`` are in the one form of the model (``canonical.settle_tokens``). ``told``: of what the profile
    tells cost, whether or not it grew: where a cost counter with the key of the tokens did not, 0 is told.
    Tokens are paid where any cost counter may hold their cost: one whose labels are the same as far as both
    have them. Tokens of a model that has no price for the profile are not.
    """
    found: dict[CostKey, Used] = {}
    for token, count in tokens.items():
        key = CostKey(token.workflow, token.provider, token.model)
        found.setdefault(key, Used()).add({_FIGURE[token.kind]: count}, paid=False)
    for key in found.keys() & set(told):
        found[key].add({"usd": 0.0}, paid=True)
    for key, usd in cost.items():
        found.setdefault(key, Used()).add({"usd": usd}, paid=True)
    reported = Reported((*told, *cost))
    for key, each in found.items():
        each.paid = each.paid or reported.covers(key)
    return found


def spend_key(key: CostKey) -> SpendKey:
    return SpendKey(key.workflow or "", key.provider or "", key.model or "")


class Reported:
    """The cost that is told, as keys; one without a label is of everything that the label could be."""

    def __init__(self, keys: Iterable[CostKey]) -> None:
        self._by_dims: dict[tuple[str, ...], set[CostKey]] = {}
        for key in keys:
            self._by_dims.setdefault(_dims(key), set()).add(key)
        self._seen: dict[tuple[tuple[str, ...], tuple[str, ...]], set[tuple[str | None, ...]]] = {}

    def covers(self, key: CostKey) -> bool:
        """Whether a cost that is told may hold that of ``key``."""
        mine = _dims(key)
        for dims, keys in self._by_dims.items():
            both = tuple(dim for dim in mine if dim in dims)
            there = self._seen.get((dims, both))
            if there is None:
                there = self._seen[dims, both] = {_values(each, both) for each in keys}
            if _values(key, both) in there:
                return True
        return False


def _dims(key: CostKey) -> tuple[str, ...]:
    return tuple(dim for dim in _DIMS if getattr(key, dim) is not None)


def _values(key: CostKey, dims: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple(getattr(key, dim) for dim in dims)


def merged(rows: Iterable[SpendSum]) -> Iterator[SpendSum]:
    """One row for each hour, key, source and role: amounts are added up."""
    found: dict[tuple[float, SpendKey, str, Role], SpendSum] = {}
    for each in rows:
        key = (each.at, each.key, each.source, each.role)
        known = found.get(key)
        found[key] = replace(each, profile="") if known is None else _added(known, each)
    yield from found.values()


def _added(one: SpendSum, other: SpendSum) -> SpendSum:
    figures = {name: _plus(getattr(one.amounts, name), getattr(other.amounts, name)) for name in FIGURES}
    return replace(one, amounts=Amounts(**figures), paid=one.paid or other.paid)


def _plus(one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else one + other
