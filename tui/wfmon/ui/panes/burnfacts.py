"""The figures of tokens and money of all work, explained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from wfmon.model.budget import Account
from wfmon.model.metrics import TokenKind
from wfmon.model.money import NO_MONEY
from wfmon.model.prices import ModelRef
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.formulas import MEANT, formulas_of, sources_told
from wfmon.ui.panes.spendfacts import money_facts, unit_words
from wfmon.ui.panes.usual import COVERED, cost_to_usual

Facts = Iterator[tuple[str, str]]
MOST_MODELS = 12


def burn_words(look: Look, snapshot: Snapshot, now: float) -> Facts:
    yield from _tokens(snapshot)
    yield from _money(look, snapshot)
    yield from _periods(look, snapshot, now)
    yield from _prices(snapshot)
    yield "Sources", ""
    names = [
        name for one in snapshot.workflows for figure, name in one.origin if figure in ("tokens", "cost")
    ]
    for source in snapshot.sources:
        for formula in formulas_of(source, "tokens"):
            yield "tokens", f"{source.name}: {formula}"
        for formula in formulas_of(source, "cost"):
            yield "cost", f"{source.name}: {formula}"
    yield from sources_told(
        snapshot, names or [one.name for one in snapshot.sources if one.kind != "host"], now
    )
    for source in snapshot.sources:
        for words in source.apart:
            yield "in no sum", f"{source.name}: {words}"


def _tokens(snapshot: Snapshot) -> Facts:
    totals = snapshot.totals
    window = f" over {numbers.duration(totals.rate_window_seconds)}" if totals.rate_window_seconds else ""
    if totals.tokens_per_minute is None:
        yield "tokens", "not known: no source tells them"
    else:
        yield "tokens", f"{numbers.count(totals.tokens_per_minute)}/min{window}"
        yield "", MEANT["tokens"]
    kinds: dict[TokenKind, float] = defaultdict(float)
    for row in snapshot.tokens:
        if row.counted and row.per_minute is not None:
            kinds[row.kind] += row.per_minute
    for kind, per_minute in kinds.items():
        yield kind.value.replace("_", " "), f"{numbers.count(per_minute)}/min{window}"
    if any(not row.counted for row in snapshot.tokens):
        yield "", "rows of which another system tells the same tokens are left out"
    if totals.api_calls_per_minute is not None:
        yield "calls", f"{numbers.rate(totals.api_calls_per_minute)}/min{window}"


def _money(look: Look, snapshot: Snapshot) -> Facts:
    cost, totals = snapshot.cost, snapshot.totals
    window = f" over {numbers.duration(totals.rate_window_seconds)}" if totals.rate_window_seconds else ""
    yield "Money", ""
    if cost.burn == NO_MONEY and cost.usd_per_hour is None:
        yield "burn", "not known: no source reports cost, and no tokens have a price"
    elif cost.burn == NO_MONEY:
        yield "burn", f"{numbers.money(cost.usd_per_hour)}/h{window}, as reported"
    else:
        yield "burn", f"{money_words(look, cost.burn, '/h')}{window} {MEANT['cost']}"
        yield from money_facts(look, cost.burn)
    if cost.hour != NO_MONEY:
        known = cost.hour_seconds
        of = f", of which {numbers.duration(known)} are known" if known is not None and known < 3599 else ""
        yield "last hour", f"{money_words(look, cost.hour)}{of}"
    ratio = cost_to_usual(snapshot)
    if ratio is not None:
        yield "usual", f"{numbers.times(ratio)} = burn now / what those who spend it usually do at this hour"
    else:
        yield "usual", f"not known for {numbers.percent(COVERED)} of what is spent now"
    if cost.unpriced_tokens:
        yield "unpriced", f"{numbers.count(cost.unpriced_tokens)} tokens of models without a price: in no sum"


def _periods(look: Look, snapshot: Snapshot, now: float) -> Facts:
    accounts = snapshot.cost.accounts
    if accounts is None:
        why = "no history is kept" if snapshot.history is None else "not reckoned yet"
        yield "today", f"not known: {why}"
        if snapshot.cost.wasted_usd is not None:
            wasted = numbers.money(snapshot.cost.wasted_usd)
            yield "wasted", f"{wasted} of runs that failed, within the window of the rates"
        return
    yield "today", _account(look, accounts.day)
    yield "", f"calendar days in {accounts.timezone}; as of {look.minute(accounts.at, now)}"
    yield "month", _account(look, accounts.month)
    yield "wasted", f"{money_words(look, accounts.last_day.wasted)} in 24h: on failed and cancelled runs"
    yield "", "and on attempts that another followed"
    for status in accounts.budgets:
        of = status.budget.limit
        limit = f"{numbers.count(of)} tokens" if status.budget.tokens else numbers.money(of)
        share = numbers.percent(status.amount / of) if status.amount is not None and of else "unknown"
        yield "budget", f"{status.budget.name}: {share} of {limit} a {status.budget.period}"
        if status.pace is not None:
            yield "", f"pace {numbers.times(status.pace)} = rate of the last hour / what lasts until its end"
        if status.why:
            yield "", status.why


def _account(look: Look, account: Account) -> str:
    passed = max(0.0, account.end - account.begin)
    known = (
        f"{numbers.duration(account.known_seconds)} of it were watched, it lasts {numbers.duration(passed)}"
    )
    return f"{money_words(look, account.money)}; {known}"


def _prices(snapshot: Snapshot) -> Facts:
    """The unit prices of the models that tokens are told of."""
    refs = dict.fromkeys(
        ModelRef(row.provider or "", row.model) for row in snapshot.tokens if row.model is not None
    )
    if refs:
        yield "Prices a million tokens", ""
    for ref in list(refs)[:MOST_MODELS]:
        yield "price", f"{ref.id.removeprefix('/')}: {unit_words(snapshot.prices.unit(ref))}"
    if len(refs) > MOST_MODELS:
        yield "", f"and {len(refs) - MOST_MODELS} more models"
