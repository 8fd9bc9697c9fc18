"""What is spent now: of each workflow over the rate window and the last hour, by provider and model.

Money of a workflow is one source's: that which knows it best (alerting-and-burn 1, "Cost truth order").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from wfmon.analysis.choose import Claim, Claims, Value, logs_first
from wfmon.analysis.counting import LOGS, Counting
from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.runmoney import Named, money_by_model
from wfmon.model.metrics import Amount, Concept, CostKey, TokenKey, TokenKind
from wfmon.model.money import NO_MONEY, CostQuality, Money, total
from wfmon.model.prices import ModelRef, PriceBook, priced
from wfmon.model.record import dataclass
from wfmon.model.run import Run, Usage

HOUR = 3600.0

Costs = Claim[list[tuple[CostKey, Amount]]]
Tokens = Claim[list[tuple[TokenKey, Amount]]]


@dataclass(frozen=True, slots=True)
class Logged:
    """One workflow in the logs of one source."""

    source: str
    fresh: bool
    at: float
    index: RunIndex


def first_logs(logs: Sequence[ObservedRuns]) -> dict[str, Logged]:
    """Each workflow in the first source that answers now, else in the first that names it."""
    found: dict[str, Logged] = {}
    for source in sorted(logs, key=lambda source: not source.fresh):
        for name, index in source.indexes.items():
            found.setdefault(name, Logged(source.source, source.fresh, source.at, index))
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """Of one provider and model (None: not told). ``burn``: USD an hour over the rate window; ``hour``: of
    the last hour; ``total_usd``: what its counter says."""

    provider: str | None
    model: str | None
    burn: Money = NO_MONEY
    hour: Money = NO_MONEY
    total_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Burning:
    """Money of one workflow (None: of all work that a source does not split), and who says so.

    ``seconds``: how much of the last hour ``hour`` knows; None: part of it has no price, or only bounds.
    ``claimed``: the metrics that it is from; None: a log. ``by_tokens``: priced from counters of tokens.
    """

    name: str | None
    source: str
    at: float
    parts: tuple[Part, ...]
    seconds: float | None
    claimed: Claim[Any] | None = None
    by_tokens: bool = False
    waits: bool = False  # for a second sample of one of its parts

    @property
    def burn(self) -> Money:
        return NO_MONEY if self.waits else total(part.burn for part in self.parts)

    @property
    def hour(self) -> Money:
        return total(part.hour for part in self.parts)


def burning(
    claims: Claims, in_logs: Mapping[str, Logged], seconds: float, book: PriceBook
) -> dict[str | None, Burning]:
    """By workflow; ``seconds``: the rate window. What nobody tells anything of is left out."""
    found: dict[str | None, Burning] = {}
    for name in dict.fromkeys((*claims.cost, *claims.tokens, *in_logs)):
        logged = in_logs.get(name) if name is not None else None
        each = _burning(name, claims, logged, seconds, book)
        if each is not None:
            found[name] = each
    if any(each.claimed is None for each in found.values()):
        # Tokens that a source does not split are those of the runs in logs, as far as anybody knows.
        unsplit = [name for name, each in found.items() if each.by_tokens and _unsplit(each)]
        for name in unsplit:
            del found[name]
    return found


def _unsplit(each: Burning) -> bool:
    return each.name is None or (each.claimed is not None and each.claimed.rest)


def _burning(
    name: str | None, claims: Claims, logged: Logged | None, seconds: float, book: PriceBook
) -> Burning | None:
    cost = _believed(Concept.COST, claims.cost.get(name), logged, claims.counting)
    if cost is not None:
        return _reported(name, cost, claims)
    if logged is not None and logged.index.priced:
        return _of_log(name, logged, seconds, book)
    tokens = _believed(Concept.TOKENS, claims.tokens.get(name), logged, claims.counting)
    if tokens is not None and Concept.COST in tokens.part.told:
        tokens = None  # what they cost is told, of other keys
    if tokens is not None and _typed(tokens):
        return _of_tokens(name, tokens, claims, book)
    told = logged is not None and Concept.TOKENS in logged.index.concepts
    if logged is not None and told and (tokens is None or _types(logged.index)):
        return _of_log(name, logged, seconds, book)
    return None if tokens is None else _of_tokens(name, tokens, claims, book)


def _believed(
    concept: Concept, claimed: Claim[Value] | None, logged: Logged | None, counting: Counting
) -> Claim[Value] | None:
    """Who claims the figure, where a log that tells it too is not to be believed rather."""
    if claimed is None or logged is None or counting.counted is None:
        return claimed
    if concept in logged.index.concepts and logs_first(concept, claimed, counting):
        return None
    return claimed


def _typed(claimed: Tokens) -> bool:
    return any(key.kind in (TokenKind.INPUT, TokenKind.OUTPUT) for key, _ in claimed.value)


def _types(index: RunIndex) -> bool:
    return any(run.usage.input is not None for run in index.recent)


# reported -------------------------------------------------------------------------------------------


def _reported(name: str | None, claimed: Costs, claims: Claims) -> Burning:
    grown: dict[Named, float | None] = {}
    totals: dict[Named, float] = {}
    for key, amount in claimed.value:
        named = (key.provider, key.model)
        before = grown.get(named, 0.0)
        grown[named] = None if before is None or amount.delta is None else before + amount.delta
        if amount.total is not None:
            totals[named] = totals.get(named, 0.0) + amount.total
    waits = None in grown.values()
    hour = claims.hours.get((claimed.part.teller, None if claimed.rest else name))
    spent: dict[Named, float] = {}
    known: float | None = min(HOUR, claimed.covered)
    if hour is not None and hour.covered >= claimed.covered:
        known = min(HOUR, hour.covered)
        for key, usd in hour.parts:
            spent[key.provider, key.model] = spent.get((key.provider, key.model), 0.0) + usd
    elif claimed.covered > 0 and not waits:
        spent = {named: usd for named, usd in grown.items() if usd is not None}
    parts = tuple(
        Part(
            *named,
            _rate(grown.get(named), claimed.covered),
            Money(exact=spent[named]) if named in spent else NO_MONEY,
            totals.get(named),
        )
        for named in dict.fromkeys((*grown, *spent))
    )
    return Burning(name, claimed.part.source, claimed.part.at, parts, known, claimed, waits=waits)


def _rate(usd: float | None, covered: float) -> Money:
    return NO_MONEY if usd is None or covered <= 0 else Money(exact=usd * HOUR / covered)


# priced from counters -------------------------------------------------------------------------------


def _of_tokens(name: str | None, claimed: Tokens, claims: Claims, book: PriceBook) -> Burning:
    waits = any(amount.delta is None for _, amount in claimed.value)
    rated = claimed.covered > 0 and not waits
    window = _by_model(((key, amount.delta or 0.0) for key, amount in claimed.value), book) if rated else {}
    hour = claims.hours.get((claimed.part.teller, None if claimed.rest else name))
    if hour is not None and hour.tokens and hour.covered >= claimed.covered:
        spent, known = _by_model(hour.tokens, book), min(HOUR, hour.covered)
    else:
        spent, known = window, min(HOUR, claimed.covered)
    scale = HOUR / claimed.covered if rated else 0.0
    parts = tuple(
        Part(
            *named,
            window[named].scaled(scale) if named in window else NO_MONEY,
            spent.get(named, NO_MONEY),
        )
        for named in dict.fromkeys((*window, *spent))
    )
    seconds = known if sure(total(part.hour for part in parts)) else None
    source = claimed.part
    return Burning(name, source.source, source.at, parts, seconds, claimed, by_tokens=True, waits=waits)


def _by_model(tokens: Iterable[tuple[TokenKey, float]], book: PriceBook) -> dict[Named, Money]:
    by_key: dict[Named, dict[TokenKind, float]] = {}
    for key, amount in tokens:
        kinds = by_key.setdefault((key.provider, key.model), {})
        kinds[key.kind] = kinds.get(key.kind, 0.0) + amount
    return {named: _money(named, kinds, book) for named, kinds in by_key.items()}


def _money(named: Named, kinds: Mapping[TokenKind, float], book: PriceBook) -> Money:
    ref = ModelRef(named[0] or "", named[1] or "")
    unit, mix = book.unit(ref), book.mixes.get(ref.id)

    def of(kind: TokenKind) -> int | None:
        return round(kinds[kind]) if kind in kinds else None

    made = NO_MONEY
    if TokenKind.INPUT in kinds or TokenKind.OUTPUT in kinds:
        typed = Usage(
            of(TokenKind.INPUT), of(TokenKind.OUTPUT), of(TokenKind.CACHED), of(TokenKind.CACHE_WRITE)
        )
        made = priced(typed, unit)
    if TokenKind.TOTAL in kinds:
        made = made + priced(Usage(total=of(TokenKind.TOTAL)), unit, mix=mix)
    return made


# runs in logs ---------------------------------------------------------------------------------------


def _of_log(name: str | None, logged: Logged, seconds: float, book: PriceBook) -> Burning:
    index, at = logged.index, logged.at
    told = index.told(at, seconds)
    window = index.money(at, seconds, book)
    ended = index.money(at, HOUR, book)
    begun = money_by_model(_begun(index, at), book)
    parts = tuple(
        Part(
            *named,
            window[named].scaled(HOUR / told) if named in window and told > 0 else NO_MONEY,
            ended.get(named, NO_MONEY) + begun.get(named, NO_MONEY),
        )
        for named in dict.fromkeys((*window, *ended, *begun))
    )
    if not parts and told > 0:
        # Its runs tell their cost, and none ended: that is no cost, and known.
        parts = (Part(None, None, Money(exact=0.0), Money(exact=0.0)),)
    known = index.covered(at, HOUR) if sure(total(part.hour for part in parts)) else None
    return Burning(name, logged.source, at, parts, known)


def _begun(index: RunIndex, at: float) -> list[Run]:
    """Open runs that began within the hour: all their cost is of it."""
    return [run for run in index.runs.open if run.started_at is not None and at - HOUR < run.started_at <= at]


def sure(money: Money) -> bool:
    """Whether it is one figure, and not the least or the bounds of one."""
    return not money.at_least and money.quality not in (CostQuality.BAND, CostQuality.UNPRICED)


# totals ---------------------------------------------------------------------------------------------


def counted(
    claims: Claims,
    rows: Mapping[str | None, Burning],
    in_logs: Mapping[str, Logged],
    seconds: float,
    book: PriceBook,
) -> dict[str | None, Burning]:
    """Those that totals are sums of. What logs tell may be in what a counted system does not split."""
    if claims.counted is None:
        whole = dict(rows)
    else:
        logs = in_logs if _logs_count(claims) else {}
        whole = burning(claims.counted, logs, seconds, book)
        whole = {name: each for name, each in whole.items() if _counts(claims, each)}
    if any(_unsplit(each) for each in whole.values() if each.claimed is not None):
        return {name: each for name, each in whole.items() if each.claimed is not None}
    return whole


def _logs_count(claims: Claims) -> bool:
    told = {concept for part in claims.parts for concept in part.told}
    concept = Concept.COST if Concept.COST in told else Concept.TOKENS
    return concept not in told or claims.counting.counts(concept, LOGS)


def _counts(claims: Claims, each: Burning) -> bool:
    if each.claimed is None:
        return True
    concept = Concept.TOKENS if each.by_tokens else Concept.COST
    return claims.counting.counts(concept, each.claimed.part.profile)


def hour_of(parts: Collection[Burning]) -> tuple[Money, float | None]:
    """The last hour of all together, and how much of it is known: as much as of the least known."""
    known = [each for each in parts if each.hour.known]
    money = total(each.hour for each in parts)
    seconds = [each.seconds for each in known]
    if None in seconds or not seconds or not sure(money):
        return money, None
    return money, min(each for each in seconds if each is not None)


def spent_on(each: Burning | None, logs: Sequence[ObservedRuns]) -> list[tuple[str, float]]:
    """What the last hour went to, in USD at least, the most first: models, else runs of its log."""
    if each is None:
        return []
    named = [(part.model, part.hour.least or 0.0) for part in each.parts]
    return _ordered([*named, *_nameless(each.name or "", logs)] if each.claimed is None else named)


def _nameless(workflow: str, logs: Sequence[ObservedRuns]) -> Iterator[tuple[str, float]]:
    """Runs that tell no model, each by itself."""
    for source in logs:
        index = source.indexes.get(workflow)
        if index is not None:
            for run in (*index.within(source.at, HOUR), *_begun(index, source.at)):
                if run.model is None and not run.parts:
                    yield run.id, run.usage.cost_usd or 0.0
            return


def _ordered(parts: Iterable[tuple[str | None, float]]) -> list[tuple[str, float]]:
    sums: dict[str, float] = {}
    for name, usd in parts:
        if name is not None and usd > 0:
            sums[name] = sums.get(name, 0.0) + usd
    return sorted(sums.items(), key=lambda each: (-each[1], each[0]))
