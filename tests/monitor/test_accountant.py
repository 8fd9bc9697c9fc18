"""Days, months and budgets from real files of the history, by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wfmon.model.budget import Budget, BurnWindow, CostRates, Period, Scope
from wfmon.model.history import Batch, Role, Watched
from wfmon.model.money import Money
from wfmon.model.prices import EMPTY, Override, PriceBook, Rates
from wfmon.model.spend import Amounts, Outcome, SpendKey, SpendSum
from wfmon.monitor.accountant import Accountant
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir

HOUR, DAY = 3600.0, 86_400.0
FIRST = datetime(2026, 3, 1, tzinfo=UTC).timestamp()  # a Sunday
BERLIN = ZoneInfo("Europe/Berlin")
MONTH = Budget("all", 900.0, Period.MONTH, windows=(BurnWindow(0.02, HOUR, 300.0, critical=True),))
TODAY = Budget("mail", 10.0, Period.DAY, scope=Scope(workflow="mail*"))
TOKENS = Budget("tokens", 1e6, Period.WEEK, tokens=True)


class Books:
    def __init__(
        self, path: Path, *budgets: Budget, zone: ZoneInfo | None = None, book: PriceBook = EMPTY
    ) -> None:
        state, settings = StateDir(path, shared=False), HistorySettings(zone=zone or UTC)
        self.writer = HistoryWriter(state, settings)
        self.writer.begin(1, 1, "me", "0", FIRST)
        self.reader = HistoryReader(state, settings)
        self.accountant = self.another(budgets, zone, book)

    def another(
        self, budgets: tuple[Budget, ...], zone: ZoneInfo | None = None, book: PriceBook = EMPTY
    ) -> Accountant:
        return Accountant(self.reader, budgets, CostRates(), zone or UTC, "zone", lambda: book)

    def write(self, now: float, *spent: SpendSum, seconds: float = HOUR) -> None:
        at = now // HOUR * HOUR
        batch = Batch(now, spent=spent, watched=(Watched("m", Role.METRICS, max(at, now - seconds), now),))
        self.writer.write(batch)
        self.accountant.written(batch)

    def hours(self, begin: float, end: float, usd: float) -> None:
        """So much in each hour, of which three quarters are of mail."""
        at = begin
        while at < end:
            self.write(min(at + HOUR - 1, end), spend(at, "mail", usd * 0.75), spend(at, "other", usd * 0.25))
            at += HOUR
        self.writer.write(Batch(end + 0.5))


def spend(at: float, workflow: str, usd: float | None, **kinds: float) -> SpendSum:
    key = SpendKey(workflow, "p", "m", "", Outcome.UNKNOWN)
    return SpendSum(at // HOUR * HOUR, key, "m", Role.METRICS, Amounts(usd=usd, **kinds))


def test_today_this_month_and_budgets_by_hand(tmp_path: Path) -> None:
    books = Books(tmp_path, MONTH, TODAY)
    now = FIRST + 10 * DAY + 6 * HOUR + 1800
    books.hours(FIRST, now, 1.0)
    found = books.accountant.accounts(now)
    assert found.day.money == Money(exact=pytest.approx(7.0))
    assert found.month.money == Money(exact=pytest.approx(247.0))
    assert found.last_day.money == Money(exact=pytest.approx(24.5)), "half of the first hour"
    assert found.day.known_seconds == pytest.approx(6.5 * HOUR, abs=10)
    month, today = found.budgets
    assert (month.amount, today.amount) == (pytest.approx(247.0), pytest.approx(5.25))
    assert (today.begin, today.end) == (FIRST + 10 * DAY, FIRST + 11 * DAY)
    # half a dollar of the hour before and one of this one in an hour; 653 are left for 20.7 days
    assert month.pace == pytest.approx(1.5 * (31 * DAY + FIRST - now) / HOUR / 653.0, rel=0.01)
    assert month.exhausted_in is None
    assert month.why == "too early to say", "of the last minutes nothing is known"
    assert found.month.forecast is not None
    assert found.month.forecast.basis == "mean of the last 7 days"
    assert found.month.forecast.mid == pytest.approx(744.0, rel=0.03)


def test_nothing_new_is_the_same_object_and_the_open_hour_is_read_again(tmp_path: Path) -> None:
    books = Books(tmp_path, MONTH)
    now = FIRST + 5 * HOUR + 60
    books.hours(FIRST, FIRST + 5 * HOUR, 1.0)
    first = books.accountant.accounts(now)
    assert books.accountant.accounts(now) is first
    books.write(now + 10, spend(now, "mail", 2.0))
    assert books.accountant.accounts(now + 10).day.money.least == pytest.approx(7.0)
    books.write(now + 20, spend(FIRST, "mail", 3.0))
    assert books.accountant.accounts(now + 90).day.money.least == pytest.approx(10.0), "a late hour"


def test_a_spike_is_in_the_short_windows_within_seconds(tmp_path: Path) -> None:
    books = Books(tmp_path, MONTH)
    books.hours(FIRST, FIRST + 5 * HOUR, 1.0)
    start = FIRST + 5 * HOUR
    for step in range(61):
        now = start + 10 + step * 10
        books.write(now, spend(now, "mail", 0.5), seconds=10.0)
        found = books.accountant.accounts(now)
    (status,) = found.budgets
    short, long = status.burnt
    assert short.seconds == 300.0
    assert short.known_seconds == 300.0
    assert short.amount == pytest.approx(15.0, abs=0.6)
    assert long.amount == pytest.approx(30.5 + 1.0 * 50 / 60, abs=1.0)


def test_after_a_start_short_windows_are_known_as_far_as_it_has_looked(tmp_path: Path) -> None:
    books = Books(tmp_path, MONTH)
    books.hours(FIRST, FIRST + 5 * HOUR + 1800, 1.0)
    now = FIRST + 5 * HOUR + 1830
    (status,) = books.another((MONTH,)).accounts(now).budgets
    short, long = status.burnt
    assert short.known_seconds == 0.0
    assert long.known_seconds == pytest.approx(HOUR, abs=60)
    assert status.exhausted_in is None


def test_tokens_priced_now_and_a_budget_of_tokens(tmp_path: Path) -> None:
    book = PriceBook(overrides=(Override("m", Rates(2.0, 10.0)),))
    books = Books(tmp_path, TOKENS, book=book)
    now = FIRST + 2 * HOUR
    books.write(now, spend(now, "mail", None, input=300_000.0, output=100_000.0))
    found = books.accountant.accounts(now + 1)
    assert found.day.money == Money(priced=pytest.approx(1.6))
    (status,) = found.budgets
    assert status.amount == 400_000.0
    assert (status.begin, status.end) == (FIRST - 6 * DAY, FIRST + DAY), "from Monday"


@pytest.mark.parametrize(("day", "hours"), [(28, 24), (29, 23), (30, 24)])
def test_days_of_23_hours_are_days(tmp_path: Path, day: int, hours: int) -> None:
    books = Books(tmp_path, zone=BERLIN)
    begin = datetime(2026, 3, day, tzinfo=BERLIN).timestamp()
    end = datetime(2026, 3, day + 1, tzinfo=BERLIN).timestamp()
    books.hours(begin - 5 * HOUR, end, 1.0)
    found = books.accountant.accounts(end - 1)
    assert found.day.money.least == pytest.approx(hours)
    assert (found.day.begin, found.day.end) == (begin, end)


def test_nothing_kept_is_not_nothing_spent(tmp_path: Path) -> None:
    books = Books(tmp_path, MONTH)
    found = books.accountant.accounts(FIRST + 100)
    assert found.day.money.least is None
    (status,) = found.budgets
    assert (status.amount, status.pace) == (None, None)
    books.write(FIRST + 50)
    assert books.accountant.accounts(FIRST + 101).budgets[0].amount == 0.0, "somebody looked, and saw nothing"
