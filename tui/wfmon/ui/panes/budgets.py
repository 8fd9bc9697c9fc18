"""Budgets: how much is spent, how fast, when it is over, and what the period will come to."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.model.budget import Accounts, Budget, BudgetStatus, Period, Scope, SpendForecast
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.facts import Part
from wfmon.ui.rows import Line, Row, width_of

KEY = "b:"
NEARLY = 0.8  # of a budget: from here on it is a warning (alerting-and-burn 6)
DAY = 86_400.0
FAST, VERY_FAST = 1.1, 2.0  # pace (alerting-and-burn 3)
BAR_WIDTH = 10
WIDE = 110  # cells from which on names and bars have more room


def worst(accounts: Accounts) -> str:
    """The role of the budget that is worst off; ``text`` without budgets."""
    roles = [standing(each) for each in accounts.budgets]
    return next((role for role in ("critical", "warning") if role in roles), "text")


def standing(status: BudgetStatus) -> str:
    """A role: spent or surely to be is critical, nearly spent or likely to be a warning."""
    limit, forecast = status.budget.limit, status.forecast
    if status.amount is None:
        return "unknown"
    low = forecast.low if forecast is not None else None
    mid = forecast.mid if forecast is not None else None
    if status.amount >= limit or (low is not None and low > limit):
        return "critical"
    if status.amount >= NEARLY * limit or (mid is not None and mid > limit):
        return "warning"
    return "warning" if status.exhausted_in is not None else "good"


def sign_of(look: Look, role: str) -> str:
    signs = {"critical": look.signs.critical, "warning": look.signs.warning, "good": look.signs.good}
    return signs.get(role, look.signs.unknown)


def of_all(accounts: Accounts, period: Period) -> BudgetStatus | None:
    """The first budget in USD of all work together."""
    fitting = (
        each
        for each in accounts.budgets
        if each.budget.period is period and not each.budget.tokens and each.budget.scope == Scope()
    )
    return next(fitting, None)


def day_limit(accounts: Accounts) -> float | None:
    """USD that a day may cost all together: the day's budget, else a day's share of the month's."""
    day, month = of_all(accounts, Period.DAY), of_all(accounts, Period.MONTH)
    if day is not None:
        return day.budget.limit
    return None if month is None else month.budget.limit / max(1.0, (month.end - month.begin) / DAY)


def amount_words(budget: Budget, amount: float | None) -> str:
    return f"{numbers.count(amount)} tok" if budget.tokens else numbers.money(amount)


def left_words(look: Look, accounts: Accounts, status: BudgetStatus, now: float) -> str:
    """``over at 21:14``, with the latest time too where that is another; ``over by $12``; or why not."""
    budget = status.budget
    if status.amount is not None and status.amount > budget.limit:
        return f"over by {amount_words(budget, status.amount - budget.limit)}"
    if status.exhausted_in is None:
        return status.why
    first, last = (look.minute(accounts.at + each, now) for each in status.exhausted_in)
    if first == last:
        return f"over at {first}"
    same_day = len(first) > 5 and first[:6] == last[:6]
    return f"over {first}-{last[6:] if same_day else last}"


def spent_words(look: Look, status: BudgetStatus) -> str:
    """``$61.00 of $100``."""
    budget = status.budget
    if budget.tokens:
        return f"{numbers.count(status.amount)} of {amount_words(budget, budget.limit)}"
    return f"{money_words(look, status.spent)} of {numbers.money(budget.limit)}"


def forecast_words(look: Look, forecast: SpendForecast, *, tokens: bool = False) -> str:
    """``$780-920``; empty where there is none."""
    if forecast.mid is None:
        return ""
    write = numbers.count if tokens else numbers.money
    if forecast.low is None or forecast.high is None:
        return write(forecast.mid)
    low, high = write(forecast.low), write(forecast.high)
    return low if low == high else f"{low}-{high.removeprefix('$')}"


def forecast_line(look: Look, status: BudgetStatus) -> list[Part]:
    """What the period will come to, from what, or why nobody can say."""
    forecast, budget = status.forecast, status.budget
    if forecast is None:
        return []
    words = forecast_words(look, forecast, tokens=budget.tokens)
    if not words:
        per_day = f", {amount_words(budget, forecast.per_day)} a day" if forecast.per_day is not None else ""
        return [(f"no forecast: {forecast.why or 'too little is known'}{per_day}", "muted")]
    over = forecast.low is not None and forecast.low > budget.limit
    likely = forecast.mid is not None and forecast.mid > budget.limit
    parts = [(f"{budget.period} ends at ", "muted")]
    parts.append((words, "critical" if over else "warning" if likely else "text"))
    parts.append((f" (8 of 10 times){', ' if forecast.basis else ''}{forecast.basis}", "muted"))
    if forecast.broken and forecast.usual_mid is not None:
        usual = amount_words(budget, forecast.usual_mid)
        parts.append((f"; not as usual, which would be {usual}", "warning"))
    return parts


def budget_rows(look: Look, width: int, accounts: Accounts, now: float, cursor: str | None) -> Iterator[Row]:
    wide = width >= WIDE
    longest = max((width_of(each.budget.name) for each in accounts.budgets), default=0)
    name = max(4, min(longest, 30 if wide else 14))
    spent = max((width_of(spent_words(look, each)) for each in accounts.budgets), default=0)
    for status in accounts.budgets:
        key = KEY + status.budget.name
        yield _row(look, width, accounts, status, now, (name, spent), selected=key == cursor)
        parts = forecast_line(look, status)
        if parts:
            line = Line(look, width).add("    ")
            for text, role in parts:
                line.add(text, role)
            yield line.row()


def _row(
    look: Look,
    width: int,
    accounts: Accounts,
    status: BudgetStatus,
    now: float,
    widths: tuple[int, int],
    *,
    selected: bool,
) -> Row:
    budget, role = status.budget, standing(status)
    share = None if status.amount is None or budget.limit <= 0 else status.amount / budget.limit
    line = Line(look, width, selected=selected).add(sign_of(look, role), role).add(" ")
    line.add(budget.name, "text", widths[0]).add(" ").add(budget.period, "muted", 6)
    filled, rest = look.signs.gauge(share, BAR_WIDTH * (2 if width >= WIDE else 1))
    line.add(filled, role if role in ("critical", "warning") else "bar").add(rest, "bar_rest")
    line.add(numbers.percent(share), "strong", 5, right=True).add("  ")
    line.add(spent_words(look, status), "text", widths[1])
    if status.pace is not None:
        fast = "critical" if status.pace > VERY_FAST else "warning" if status.pace > FAST else "text"
        line.add("  pace ", "muted").add(numbers.times(status.pace), fast)
    words = left_words(look, accounts, status, now)
    over = status.exhausted_in is not None or words.startswith("over")
    return line.add("  ").add(words, role if over else "muted").row(KEY + budget.name)


def budget_facts(
    look: Look, accounts: Accounts, status: BudgetStatus, now: float
) -> Iterator[tuple[str, str]]:
    """Its figures with their formulas, windows and what is missing."""
    budget, scope = status.budget, status.budget.scope
    yield "limit", f"{amount_words(budget, budget.limit)} a {budget.period}"
    only = [f"{what} {name}" for what, name in _scope(scope) if name != "*"]
    yield "of", ", ".join(only) or "all work"
    zone = accounts.timezone or "the local zone"
    yield "period", f"{look.minute(status.begin, now)} to {look.minute(status.end, now)}, days of {zone}"
    yield "spent", spent_words(look, status) + (", at least" if status.spent.at_least else "")
    known, passed = status.known_seconds, max(0.0, accounts.at - status.begin)
    yield "known", f"{numbers.duration(known)} of the {numbers.duration(passed)} that passed"
    if known < 0.99 * passed:
        yield "missing", f"{numbers.duration(passed - known)} in which no source was read"
    if status.spent.unpriced_tokens:
        yield "", f"the price of {numbers.count(status.spent.unpriced_tokens)} tokens: they are not in it"
    pace = numbers.times(status.pace) if status.pace is not None else "not known"
    yield "pace", f"{pace} = rate of the last hour / (what is left / time left)"
    for burnt in status.burnt:
        whole = burnt.known_seconds >= 0.99 * burnt.seconds
        partly = "" if whole else f", of which {numbers.duration(burnt.known_seconds)} are known"
        seconds = numbers.duration(burnt.seconds)
        yield "", f"{amount_words(budget, burnt.amount)} in the last {seconds}{partly}"
    left = left_words(look, accounts, status, now)
    if left:
        yield "left", left
    yield "", "what is left / the rate, by the rates of several windows; hidden where they do not agree"
    if status.forecast is not None:
        yield "forecast", "".join(text for text, _role in forecast_line(look, status))
        yield "", "spent + what is usual of the rest; the band holds 8 of 10 times"
    told = ", ".join(numbers.percent(each) for each in budget.notify_at)
    yield "told at", f"{told} of it" if told else "no share of it"
    yield "age", f"{numbers.age(max(0.0, now - accounts.at))}, counted every few minutes"


def _scope(scope: Scope) -> tuple[tuple[str, str], ...]:
    return ("workflow", scope.workflow), ("model", scope.model), ("provider", scope.provider)
