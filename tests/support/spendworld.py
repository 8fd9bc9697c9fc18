"""A month of spending to look at: two providers, three models, one without a price, runs that were dear."""

from __future__ import annotations

from dataclasses import replace

from support.screen import FakeMemory, Stage
from support.snapshots import DAY, NOW, all_fine
from wfmon.model.budget import (
    Account,
    Accounts,
    Budget,
    BudgetStatus,
    Burnt,
    Period,
    Scope,
    SpendForecast,
)
from wfmon.model.metrics import TokenKind
from wfmon.model.money import CostQuality, Money
from wfmon.model.prices import PriceBook, Rates, UnitPrice
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.model.snapshot import CallRow, CostRow, Snapshot, TokenRow
from wfmon.model.spend import (
    Amounts,
    DearRun,
    Outcome,
    Priced,
    RunCount,
    Slot,
    SpendCell,
    Spending,
    SpendKey,
    SpendRequest,
)
from wfmon.ui.views.base import View

HOUR = 3600.0
MIDNIGHT = NOW // DAY * DAY
MONTH = MIDNIGHT - DAY  # NOW is the 2nd of March
BOOK = PriceBook(
    found={
        "anthropic/claude-y": UnitPrice(Rates(3.0, 15.0, 0.3, 3.75), "genai-prices 0.2.3", "claude-y"),
        "openai/gpt-x": UnitPrice(Rates(1.25, 10.0, 0.125), "genai-prices 0.2.3", "gpt-x"),
        "local/llama": None,
    }
)


def cells(scale: float = 1.0) -> tuple[SpendCell, ...]:
    """$1.50 reported, $10.90 priced of which $1.20 were wasted, a band, and a million tokens without price,
    times ``scale``."""

    def cell(
        workflow: str, provider: str, model: str, outcome: Outcome, counted: bool = True, **used: float
    ) -> SpendCell:
        amounts = Amounts(**{name: value * scale for name, value in used.items()})
        return SpendCell(SpendKey(workflow, provider, model, "", outcome), amounts, counted, counted)

    good, wasted = Outcome.GOOD, Outcome.WASTED
    return (
        cell(
            "invoice_extract", "anthropic", "claude-y", good,
            input=2e6, output=2e5, cached=5e5, cache_write=0.0, calls=900.0,
        ),
        cell("invoice_extract", "anthropic", "claude-y", wasted, input=2e5, output=4e4, calls=80.0),
        cell(
            "email_triage", "openai", "gpt-x", good,
            usd=1.5, input=8e5, output=5e4, cached=4e5, calls=300.0,
        ),
        cell("research_agent", "openai", "gpt-x", good, untyped=4e5, calls=12.0),
        cell("research_agent", "local", "llama", good, input=9e5, output=1e5),
        cell("research_agent", "gateway", "gpt-x via gateway", good, False, usd=0.9),
    )  # fmt: skip


def slot_cells(scale: float) -> tuple[SpendCell, ...]:
    """As slots have them: of no workflow, and what became of the work is not told."""
    bare = (replace(one.key, workflow="", outcome=Outcome.UNKNOWN) for one in cells())
    return tuple(replace(one, key=key) for one, key in zip(cells(scale), bare, strict=True))


def spending(request: SpendRequest) -> Spending:
    """Slots that differ; of several the first is not known."""
    bounds = request.bounds or (request.begin,)
    slots = []
    for number, (begin, end) in enumerate(zip(bounds, (*bounds[1:], request.end), strict=True)):
        scale = (0.5 + number % 5) / len(bounds)
        made = slot_cells(scale)
        known = end - begin if number or len(bounds) == 1 else 0.0
        share = (50.0 + number) / sum(50.0 + each for each in range(len(bounds)))
        told = RunCount(2_940.0 * share, 67.0 * share)
        slots.append(Slot(begin, end, known, made if number else (), told if number else None))
    return Spending(
        request.begin,
        request.end,
        cells(),
        {
            "invoice_extract": RunCount(2_000.0, 61.0),
            "email_triage": RunCount(900.0, 2.0),
            "research_agent": RunCount(40.0, 4.0),
        },
        tuple(slots),
        sum(slot.known_seconds for slot in slots),
        request.begin + HOUR,
    )


def dearest() -> tuple[DearRun, ...]:
    def dear(run_id: str, workflow: str, status: RunStatus, money: Money, tokens: int) -> DearRun:
        run = Run(
            run_id, workflow, status, NOW - 4_000, NOW - 3_900, 100.0, usage=Usage(total=tokens),
            source="app logs", log="/var/log/wf/a.jsonl",
        )  # fmt: skip
        return DearRun(run, money)

    return (
        dear("run-77aa", "research_agent", RunStatus.SUCCESS, Money(priced=1.2), 400_000),
        dear("run-9f31", "invoice_extract", RunStatus.ERROR, Money(exact=0.4), 90_000),
        dear("run-0001", "invoice_extract", RunStatus.CANCELLED, Money(low=0.1, high=0.3), 60_000),
    )


class SpendMemory(FakeMemory):
    """``answer`` makes the spending of each question; None: there is none, and ``problem`` says why."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = spending
        self.problem: str | None = None
        self.runs_told = dearest()
        self.book = BOOK

    async def spending(self, request: SpendRequest) -> Priced:
        self.spending_asked.append(request)
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        try:
            if self.held is not None:
                await self.held.wait()
        finally:
            self.under_way -= 1
        if self.problem is not None:
            return Priced(Spending(request.begin, request.end, problem=self.problem))
        return Priced(self.answer(request), self.book, self.runs_told)


def budgets() -> tuple[BudgetStatus, ...]:
    day = BudgetStatus(
        Budget("all", 100.0, Period.DAY),
        MIDNIGHT,
        MIDNIGHT + DAY,
        Money(priced=61.0),
        61.0,
        14 * HOUR,
        pace=1.8,
        exhausted_in=(7 * HOUR + 660, 7 * HOUR + 660),
        burnt=(Burnt(HOUR, HOUR, 5.43), Burnt(300.0, 300.0, 0.45)),
    )
    month = BudgetStatus(
        Budget("month", 900.0, Period.MONTH),
        MONTH,
        MONTH + 31 * DAY,
        Money(priced=412.0),
        412.0,
        38 * HOUR,
        pace=0.9,
        why="lasts",
        forecast=SpendForecast(850.0, 780.0, 920.0, "same weekday of 4 weeks"),
    )
    tokens = BudgetStatus(
        Budget("agents", 5e7, Period.WEEK, tokens=True, scope=Scope(workflow="research_*")),
        MIDNIGHT,
        MIDNIGHT + 7 * DAY,
        amount=1.2e7,
        known_seconds=14 * HOUR,
        forecast=SpendForecast(why="too early", per_day=2e7),
    )
    return day, month, tokens


def accounts(**changed: object) -> Accounts:
    made = Accounts(
        NOW - 20,
        "UTC",
        Account(MIDNIGHT, MIDNIGHT + DAY, Money(priced=61.0), 5e6, Money(priced=4.1), 14 * HOUR),
        Account(MONTH, MONTH + 31 * DAY, Money(priced=412.0), 5e7, Money(priced=20.0), 38 * HOUR),
        Account(NOW - DAY, NOW, Money(priced=88.0), 7e6, Money(priced=5.0), DAY),
        budgets(),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def rich(now: float = NOW) -> Snapshot:
    """Everything fine, with live money and a history."""
    fine = all_fine(now)
    rows = (
        TokenRow("gpt-x", "openai", None, TokenKind.INPUT, 50_000.0, 9e6, hour=3e6, hour_seconds=HOUR),
        TokenRow("gpt-x", "openai", None, TokenKind.CACHED, 20_000.0, 4e6, hour=1.2e6, hour_seconds=HOUR),
        TokenRow("gpt-x", "openai", None, TokenKind.OUTPUT, 9_000.0, 2e6, hour=5e5, hour_seconds=HOUR),
        TokenRow("claude-y", "anthropic", None, TokenKind.INPUT, 11_000.0, 1e6, hour=6e5, hour_seconds=HOUR),
    )
    cost = replace(
        fine.cost,
        burn=Money(priced=5.43),
        hour=Money(priced=3.4),
        hour_seconds=HOUR,
        by_model=(
            CostRow("gpt-x", 4.33, None, burn=Money(priced=4.33), hour=Money(priced=2.9)),
            CostRow("claude-y", 1.1, None, burn=Money(exact=1.1), hour=Money(exact=0.5)),
        ),
        by_workflow=(
            CostRow(
                "research_agent", 4.2, None, burn=Money(low=3.0, high=5.4), hour=Money(low=2.0, high=4.0)
            ),
        ),
        accounts=accounts(),
    )
    calls = (CallRow("openai", None, 120.0, 1.5), CallRow("anthropic", None, 77.0))
    totals = replace(fine.totals, cost_quality=CostQuality.PRICED)
    return replace(fine, tokens=rows, cost=cost, calls=calls, totals=totals, ended=(), alerts=())


def staged(
    view: View, snapshot: Snapshot | None = None, *, size: tuple[int, int] = (80, 24), **kept: object
) -> tuple[Stage, SpendMemory]:
    """``view`` over that past."""
    memory = SpendMemory()
    stage = Stage(snapshot if snapshot is not None else rich(), size=size, **kept)  # type: ignore[arg-type]
    stage.doors.memory = memory
    stage.shell.open(view)
    return stage, memory
