"""Budgets, what is spent of them, and what a day or a month will come to."""

from __future__ import annotations

from enum import StrEnum

from wfmon.model.money import NO_MONEY, Money
from wfmon.model.record import dataclass


class Period(StrEnum):
    """Calendar periods in the zone of ``[cost] timezone``; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose spending; patterns are shell globs, ``*`` is everything, also what is not told."""

    workflow: str = "*"
    model: str = "*"
    provider: str = "*"


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """Fires when ``share`` of the budget is burnt within ``long_seconds`` at a pace that ``short_seconds``
    confirm (alerting-and-burn 4.1)."""

    share: float
    long_seconds: float
    short_seconds: float
    critical: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """``limit`` in USD, or in tokens where ``tokens``. ``notify_at``: shares of it that are told when they
    are spent. ``min_delta``: burnt less than this within a window, nothing is told of it."""

    name: str
    limit: float
    period: Period
    tokens: bool = False
    scope: Scope = Scope()
    notify_at: tuple[float, ...] = (0.5, 0.8, 1.0)
    windows: tuple[BurnWindow, ...] = ()
    forecast: bool = True
    min_delta: float = 1.0


@dataclass(frozen=True, slots=True)
class Burnt:
    """What was burnt of a budget in the last ``seconds``, of which ``known_seconds`` are known; in the unit
    of the budget, at least."""

    seconds: float
    known_seconds: float
    amount: float


@dataclass(frozen=True, slots=True)
class SpendForecast:
    """What a period will come to at its end, in USD (or tokens): eight of ten times between ``low`` and
    ``high``. ``basis``: what it was taken from, in words, with how much of it. ``broken``: the last 24 h are
    not like what was usual, ``mid`` then follows them and ``usual_mid`` is what it would be otherwise.
    ``why``: there is no forecast, and why (``mid`` is None); ``per_day`` is then all that can be said.
    """

    mid: float | None = None
    low: float | None = None
    high: float | None = None
    basis: str = ""
    broken: bool = False
    usual_mid: float | None = None
    why: str = ""
    per_day: float | None = None


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget now. Amounts are in its unit, and the least that they can be.

    ``spent``: in USD as true as it is known; ``amount`` the figure compared with the limit (tokens, or the
    least USD; None: nothing is known). ``begin`` to ``end`` is the present period; ``known_seconds`` of it
    any source was read. ``pace``: the rate of the last hour as a multiple of what can be sustained until the
    end. ``exhausted_in``: the earliest and the latest seconds until it is spent, None where that would not
    be honest, and ``why`` says why. ``burnt``: by window, for the rule.
    """

    budget: Budget
    begin: float
    end: float
    spent: Money = NO_MONEY
    amount: float | None = None
    known_seconds: float = 0.0
    pace: float | None = None
    exhausted_in: tuple[float, float] | None = None
    why: str = ""
    forecast: SpendForecast | None = None
    burnt: tuple[Burnt, ...] = ()


@dataclass(frozen=True, slots=True)
class CostRates:
    """What the user says that his machine costs, in USD; 0: not counted."""

    cpu_hour: float = 0.0
    memory_gib_hour: float = 0.0
    host_month: float = 0.0
    storage_gib_month: float = 0.0
    backup_gib_month: float = 0.0

    @property
    def any(self) -> bool:
        return bool(
            self.cpu_hour
            or self.memory_gib_hour
            or self.host_month
            or self.storage_gib_month
            or self.backup_gib_month
        )


@dataclass(frozen=True, slots=True)
class Account:
    """What was spent in a calendar period until now. ``known_seconds`` of it any source was read."""

    begin: float
    end: float
    money: Money = NO_MONEY
    tokens: float | None = None
    wasted: Money = NO_MONEY
    known_seconds: float = 0.0
    forecast: SpendForecast | None = None


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the history says of now, at ``at``: ``day`` and ``month`` are calendar periods in ``timezone``;
    ``last_day`` are the last 24 h. ``host_usd``: compute, storage and backup of the month until now by the
    rates that the user gives, None without rates."""

    at: float
    timezone: str
    day: Account
    month: Account
    last_day: Account
    budgets: tuple[BudgetStatus, ...] = ()
    host_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Slo:
    """What is declared of all runs: the share ``success`` (0..1) of those of ``days`` is to succeed."""

    success: float
    days: int
