"""How fast money and tokens go now: each rate with its window, and what of the input was cached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from wfmon.model.metrics import TokenKind
from wfmon.model.snapshot import Snapshot, TokenRow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_part, money_words
from wfmon.ui.panes.facts import Part
from wfmon.ui.panes.usual import cost_to_usual, cost_words
from wfmon.ui.rows import Line, Row, width_of

HOUR = 3600.0
# What a kind is called, and which kinds are part of it.
_WORDS = (
    (TokenKind.INPUT, "in", ((TokenKind.CACHED, "cached"), (TokenKind.CACHE_WRITE, "written to cache"))),
    (TokenKind.OUTPUT, "out", ((TokenKind.REASONING, "reasoning"),)),
    (TokenKind.TOTAL, "of unknown direction", ()),
)


def burn_rows(look: Look, width: int, snapshot: Snapshot, now: float) -> Iterator[Row]:
    yield _line(look, width, _money(look, snapshot, now))
    tokens = _tokens(snapshot)
    if tokens:
        yield _line(look, width, tokens)
    calls = _calls(snapshot)
    if calls:
        yield _line(look, width, calls)
    host = snapshot.cost.accounts.host_usd if snapshot.cost.accounts is not None else None
    if host is not None:
        words = f"{numbers.money(host)} this month for machine, storage and backup, by the rates of [cost]"
        yield _line(look, width, [(words, "text")])


def _line(look: Look, width: int, parts: list[Part]) -> Row:
    """Parts with dots between; those that find no room are left out, the first never."""
    line = Line(look, width).add("  ")
    for number, (text, role) in enumerate(parts):
        if number and line.used + 3 + width_of(text) > width:
            continue
        line.add(f" {look.signs.dot} " if number else "", "rule").add(text, role)
    return line.row()


def _money(look: Look, snapshot: Snapshot, now: float) -> list[Part]:
    cost = snapshot.cost
    burn, hour = cost.burn, cost.hour
    if not burn.known and not burn.unpriced_tokens and not hour.known and not hour.unpriced_tokens:
        return [("no money is reported, no tokens that have a price", "muted")]
    window = numbers.age(snapshot.totals.rate_window_seconds)
    parts: list[Part] = []
    if burn.known and not burn.most and not burn.unpriced_tokens:
        last = f", last {money_words(look, hour, '/h')}" if hour.most else ""
        since = idle_seconds(snapshot, now)
        parts.append((f"idle{f' {numbers.age(since)}' if since is not None else ''}{last}", "strong"))
    else:
        text, role = money_part(look, burn, "/h" if burn.known else "/h unpriced", "strong")
        parts.append((f"{text} over {window}", role))
        if hour.known or hour.unpriced_tokens:
            known = cost.hour_seconds
            words = "in the last hour"
            if known is not None and known < 0.95 * HOUR:
                words = f"in {numbers.age(known)} of the last hour"
            text, role = money_part(look, hour)
            parts.append((f"{text} {words}", role))
    ratio = cost_to_usual(snapshot)
    if ratio is not None:
        parts.append((cost_words(ratio), "text"))
    return parts


def idle_seconds(snapshot: Snapshot, now: float) -> float | None:
    """Since the last run of any workflow ended; None where that is not known, or something runs."""
    if snapshot.totals.active:
        return None
    last = [one.last_run_at for one in snapshot.workflows if one.last_run_at is not None]
    return max(0.0, now - max(last)) if last else None


def _tokens(snapshot: Snapshot) -> list[Part]:
    kinds: dict[TokenKind, float] = defaultdict(float)
    for row in snapshot.tokens:
        if row.counted and row.per_minute is not None:
            kinds[row.kind] += row.per_minute
    whole = snapshot.totals.tokens_per_minute
    if whole is None and not kinds:
        return []
    window = numbers.age(snapshot.totals.rate_window_seconds)
    told = [words for kind, word, parts_of in _WORDS if (words := _kind(kinds, kind, word, parts_of))]
    split = f": {', '.join(told)}" if told else ""
    parts: list[Part] = [(f"{numbers.count(whole)} tok/min over {window}{split}", "text")]
    hit, of = cache_hit(snapshot.tokens)
    if hit is not None:
        parts.append((f"cache hit {numbers.percent(hit)} {of}", "text"))
    return parts


def _kind(
    kinds: Mapping[TokenKind, float], kind: TokenKind, word: str, parts: tuple[tuple[TokenKind, str], ...]
) -> str:
    """``61.0k in (20.0k cached)``; empty where there are none."""
    if not kinds.get(kind):
        return ""
    of = [f"{numbers.count(kinds[part])} {called}" for part, called in parts if kinds.get(part)]
    held = f" ({', '.join(of)})" if of else ""
    return f"{numbers.count(kinds[kind])} {word}{held}"


def cache_hit(rows: tuple[TokenRow, ...]) -> tuple[float | None, str]:
    """Cached / input tokens of those who tell both, and over what: the last hour where it is known.

    Who tells no cached tokens is left out of both (alerting-and-burn 3, 7).
    """
    for figure, words in (("hour", "1h"), ("per_minute", "now")):
        told: dict[tuple[object, ...], dict[TokenKind, float]] = defaultdict(dict)
        for row in rows:
            value = row.hour if figure == "hour" else row.per_minute
            if row.counted and value is not None:
                told[row.model, row.provider, row.workflow][row.kind] = value
        both = [each for each in told.values() if TokenKind.CACHED in each and TokenKind.INPUT in each]
        read = sum(each[TokenKind.INPUT] for each in both)
        if read > 0:
            return min(1.0, sum(each[TokenKind.CACHED] for each in both) / read), words
    return None, ""


def _calls(snapshot: Snapshot) -> list[Part]:
    """Calls by provider, the most first; how many of them fail where that is told."""
    made: dict[str, float] = defaultdict(float)
    failed: dict[str, float] = defaultdict(float)
    for row in snapshot.calls:
        if row.per_minute is not None:
            made[row.provider or ""] += row.per_minute
            failed[row.provider or ""] += row.failed_per_minute or 0.0
    parts: list[Part] = []
    for number, name in enumerate(sorted(made, key=lambda each: (-made[each], each))):
        words = f"{name or 'provider not told'} {numbers.rate(made[name])}"
        bad = f" ({numbers.rate(failed[name])} failed)" if failed[name] else ""
        parts.append((("calls/min " if number == 0 else "") + words + bad, "text"))
    return parts
