"""What is wrong with ``[[budget]]``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wfmon.config.problems import Finding, KeyPath
from wfmon.config.schema import Budget
from wfmon.text.sanitize import safe

_MOST_PERIOD = {"day": 86_400.0, "week": 7 * 86_400.0, "month": 31 * 86_400.0}


def budget_findings(budgets: Sequence[Budget]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, budget in enumerate(budgets):
        path: KeyPath = ("budget", index)
        if not budget.name.strip():
            yield (*path, "name"), "is empty, expected a name"
        elif budget.name in seen:
            yield (*path, "name"), f"{safe(budget.name, limit=60)} is the name of two budgets"
        seen.add(budget.name)
        yield from _limit(budget, path)
        for place, share in enumerate(budget.notify_at):
            if not 0 < share <= 1:
                yield (*path, "notify_at", place), f"{share:g}, expected a share above 0 and up to 1"
        if budget.min_delta < 0:
            yield (*path, "min_delta"), f"{budget.min_delta:g}, expected 0 or more"
        yield from _burn(budget, path)


def _limit(budget: Budget, path: KeyPath) -> Iterator[Finding]:
    if (budget.usd is None) is (budget.tokens is None):
        both = (
            "both usd and tokens are given" if budget.usd is not None else "neither usd nor tokens is given"
        )
        yield path, f"{both}, expected one of the two"
    for name in ("usd", "tokens"):
        limit = getattr(budget, name)
        if limit is not None and not limit > 0:
            yield (*path, name), f"{limit:g}, expected more than 0"


def _burn(budget: Budget, path: KeyPath) -> Iterator[Finding]:
    for place, row in enumerate(budget.burn or ()):
        here = (*path, "burn", place)
        if not 0 < row.share <= 1:
            yield (*here, "share"), f"{row.share:g}, expected a share above 0 and up to 1"
        if row.short >= row.long:
            yield (*here, "short"), "is not shorter than long"
        if row.long > _MOST_PERIOD[budget.period]:
            yield (*here, "long"), f"is longer than a {budget.period}"
