"""For who pays: what is burnt, what is left of the budgets, who spends it, and what bought nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from wfmon.model.budget import BudgetStatus
from wfmon.model.money import NO_MONEY
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import DearRun
from wfmon.text import numbers
from wfmon.ui import navigate
from wfmon.ui.look import Look
from wfmon.ui.pagescroll import PageScroll
from wfmon.ui.panes import budgets as budget_pane
from wfmon.ui.panes import spendruns as runs_pane
from wfmon.ui.panes import spendsplit as split_pane
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.budgets import budget_rows, day_limit
from wfmon.ui.panes.empty import waiting
from wfmon.ui.panes.financeburn import burn_rows
from wfmon.ui.panes.financehead import headline
from wfmon.ui.panes.spendplot import spend_plot
from wfmon.ui.panes.spendwaste import unpriced_rows, waste_rows
from wfmon.ui.panes.titlebar import title_row
from wfmon.ui.rows import Line, Row, Scroll, rule, wrap
from wfmon.ui.spendings import DIMENSIONS, SPANS, Answer, Spendings, Sums, moved, sums_of, zone_of
from wfmon.ui.views.base import Deed, Frame, ShellDoor, View
from wfmon.ui.views.operations import paused

if TYPE_CHECKING:
    from wfmon.analysis.accounts import SpendLine

FAR_BELOW = 0.25  # of the limit: its line would leave no room for the columns
OLD_SECONDS = 30.0  # an answer that is older says so
ROOMY = 34  # rows from which on panes have more of them
MOST_RUNS = 10
KNOWN = 0.95  # of the time asked for; below, the title says how much


class FinanceView(View):
    """It tells of the past as seen from now, whatever moment the screen is of."""

    name = "finance"
    timed: ClassVar[bool] = False
    footer: ClassVar[tuple[str, ...]] = ("open", "explain", "span", "split", "pause", "back")

    def __init__(self) -> None:
        super().__init__()
        self.span = SPANS[0]
        self.by = DIMENSIONS[0]
        self._budgets: dict[str, BudgetStatus] = {}
        self._lines: dict[str, SpendLine] = {}
        self._runs: dict[str, DearRun] = {}
        self._table: tuple[tuple[object, ...], split_pane.Table] | None = None  # and what it is of
        self._page_scroll = PageScroll()
        self._line_scroll = Scroll()

    def opened(self, shell: ShellDoor) -> None:
        super().opened(shell)
        self.spendings = Spendings(shell, self.start, sums_of)
        self._refresh()

    def uncovered(self) -> None:
        self._refresh()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self._refresh()

    def _refresh(self) -> None:
        latest = self.shell.latest
        self.spendings.refresh(self.span, zone_of(latest, self.shell.look), moved(latest))

    # --- keys

    def deeds(self) -> Mapping[str, Deed]:
        deeds: dict[str, Deed] = {"span": self._next_span, "split": self._next_split}
        if self.spendings.answer is not None:
            deeds["export"] = self._export
        key = (self.cursor.key if self.cursor.keys else None) or ""
        budget, line, dear = self._budgets.get(key), self._lines.get(key), self._runs.get(key)
        if budget is not None:
            deeds["explain"] = partial(self._explain_budget, budget.budget.name)
        elif line is not None:
            deeds["explain"] = partial(self._explain_line, line)
            if self.by == "workflow" and line.name:
                deeds["open"] = partial(navigate.open_workflow, self.shell, line.name)
        elif dear is not None:
            deeds["explain"] = partial(self._explain_run, dear)
            deeds["open"] = partial(self._open_run, dear.run)
        return deeds

    def _next_span(self) -> None:
        self.span = SPANS[(SPANS.index(self.span) + 1) % len(SPANS)]
        self._refresh()

    def _next_split(self) -> None:
        self.by = DIMENSIONS[(DIMENSIONS.index(self.by) + 1) % len(DIMENSIONS)]

    def _open_run(self, run: Run) -> None:
        snapshot = self.shell.snapshot
        known = () if snapshot is None else (*snapshot.runs, *snapshot.recent.get(run.workflow, ()))
        if any(each.id == run.id and each.workflow == run.workflow for each in known):
            navigate.open_run(self.shell, run)
        else:
            self.shell.tell(f"{run.id} is not among the runs that are listed now: its log is not looked up")

    def _explain_budget(self, name: str) -> None:
        def facts(frame: Frame) -> list[tuple[str, str]]:
            snapshot = self._snapshot(frame)
            accounts = snapshot.cost.accounts if snapshot is not None else None
            status = accounts and next((each for each in accounts.budgets if each.budget.name == name), None)
            if accounts is None or not status:
                return [("budget", "not known now")]
            return list(budget_pane.budget_facts(frame.look, accounts, status, self.shell.now()))

        navigate.open_facts(self.shell, f"budget {name}", facts)

    def _explain_line(self, chosen: SpendLine) -> None:
        from wfmon.ui.panes.spendfacts import line_facts

        by = self.by

        def facts(frame: Frame) -> list[tuple[str, str]]:
            answer = self.spendings.answer
            lines = answer.sums.lines[by] if answer is not None else ()
            key = split_pane.key_of(chosen)
            line = next((each for each in lines if split_pane.key_of(each) == key), None)
            if answer is None or line is None:
                return [("spent", "not known now")]
            return list(line_facts(frame.look, self._snapshot(frame), answer, by, line, self.shell.now()))

        navigate.open_facts(self.shell, f"{by} {chosen.name or split_pane.NOT_TOLD}", facts)

    def _explain_run(self, dear: DearRun) -> None:
        from wfmon.ui.panes.spendfacts import run_facts

        def facts(frame: Frame) -> list[tuple[str, str]]:
            answer = self.spendings.answer
            return [] if answer is None else list(run_facts(frame.look, answer, dear, self.shell.now()))

        navigate.open_facts(self.shell, f"run {dear.run.id}", facts)

    def _export(self) -> None:
        from wfmon.monitor.spendreport import as_csv, as_json, as_markdown

        answer = self.spendings.answer
        if answer is not None:
            spending, ledger = answer.priced.spending, answer.sums.ledger
            zone = zone_of(self.shell.latest, self.shell.look)
            texts = {
                "csv": as_csv(ledger, self.by),
                "json": as_json(ledger, self.by, spending),
                "md": as_markdown(ledger, self.by, spending, zone),
            }
            self.shell.save_each(texts, f"spending-{self.by}-{answer.span.id}")

    # --- drawing

    def _snapshot(self, frame: Frame) -> Snapshot | None:
        return frame.snapshot if frame.past is None else self.shell.latest

    def rows(self, frame: Frame) -> list[Row]:
        look, width, now = frame.look, frame.width, self.shell.now()
        snapshot = self._snapshot(frame)
        top = [
            title_row(
                look,
                width,
                snapshot,
                now,
                view="finance",
                label=self.shell.label,
                paused=paused(self.shell, now),
                banner=frame.banner,
            )
        ]
        if snapshot is None:
            return top + waiting(look, width, [])
        top += headline(look, width, snapshot, now)
        self._arrange(snapshot)
        body = self._body(frame, snapshot, now)
        left = frame.height - len(top)
        return top + self._page_scroll.shown(look, width, body, left, self.cursor.key)

    def _arrange(self, snapshot: Snapshot) -> None:
        accounts, answer = snapshot.cost.accounts, self.spendings.answer
        budgets = accounts.budgets if accounts is not None else ()
        lines = answer.sums.lines[self.by] if answer is not None else ()
        dearest = answer.priced.dearest if answer is not None else ()
        self._budgets = {budget_pane.KEY + each.budget.name: each for each in budgets}
        self._lines = {split_pane.key_of(each): each for each in lines}
        self._runs = {runs_pane.key_of(each): each for each in dearest[:MOST_RUNS]}
        self.cursor.place([*self._budgets, *self._lines, *self._runs])

    def _body(self, frame: Frame, snapshot: Snapshot, now: float) -> list[Row]:
        look, width = frame.look, frame.width
        accounts, answer = snapshot.cost.accounts, self.spendings.answer
        rows = [rule(look, width, "Burn"), *burn_rows(look, width, snapshot, now)]
        if accounts is not None and accounts.budgets:
            zone = f"days of {accounts.timezone}" if accounts.timezone not in ("", "local") else ""
            rows.append(rule(look, width, "Budgets", zone))
            rows += budget_rows(look, width, accounts, now, self.cursor.key)
        if answer is None:
            return rows + self._live(frame, snapshot)
        rows += self._plot(frame, snapshot, answer, now)
        rows += self._split(frame, answer, now)
        rows.append(rule(look, width, "Waste", answer.span.words))
        rows += waste_rows(look, width, answer.sums)
        if self._runs:
            rows.append(rule(look, width, "Dearest runs", answer.span.words))
            rows += runs_pane.dear_rows(look, width, list(self._runs.values()), now, self.cursor.key)
        return rows + unpriced_rows(look, width, answer.sums.lines["model"])

    def _live(self, frame: Frame, snapshot: Snapshot) -> list[Row]:
        """What is known of now, until the past has answered, or where there is none."""
        look, width, cost = frame.look, frame.width, snapshot.cost
        why = f"asking for the last {self.span.words} {look.signs.more}"
        if self.spendings.why:
            why = f"what was spent before now is not known: {self.spendings.why}"
        parts = {"model": cost.by_model, "provider": cost.by_provider, "workflow": cost.by_workflow}[self.by]
        rows = [rule(look, width, f"By {self.by}, now")]
        if parts:
            window = numbers.age(snapshot.totals.rate_window_seconds)
            rows += split_pane.live_rows(look, width, parts, self.by, window)
        else:
            rows.append(Line(look, width).add(f"  no money is known by {self.by}", "muted").row())
        if cost.wasted_usd is not None:
            rows.append(Line(look, width).add(f"  {numbers.money(cost.wasted_usd)} wasted on errors").row())
        if cost.unpriced_tokens:
            words = f"  {look.signs.unknown} {numbers.count(cost.unpriced_tokens)} tokens have no price"
            rows.append(Line(look, width).add(words, "unknown").row())
        return [
            *rows,
            *(Line(look, width).add(f"  {part}", "muted").row() for part in wrap(why, width - 4, 3)),
        ]

    def _plot(self, frame: Frame, snapshot: Snapshot, answer: Answer[Sums], now: float) -> list[Row]:
        look, width, spending = frame.look, frame.width, answer.priced.spending
        zone = zone_of(snapshot, look)
        accounts = snapshot.cost.accounts
        course = answer.sums.course
        daily = answer.span is not SPANS[0]
        limit = day_limit(accounts) if accounts is not None and daily else None
        most = max((money.least or 0.0 for money in course), default=0.0)
        far = limit is not None and most < FAR_BELOW * limit
        height = 9 if frame.height >= ROOMY else 5
        line = None if far else limit
        drawn = spend_plot(look, width, height, spending.slots, course, zone, line)
        if not drawn:
            return []
        title = f"Spent each {'day' if daily else 'hour'}"
        if limit:
            title += f", {'far below' if far else 'line:'} {numbers.money(limit)} a day"
        return [rule(look, width, title, self._told(answer, now, look.signs.dot)), *drawn]

    def _told(self, answer: Answer[Sums], now: float, dot: str) -> str:
        """Over which time, how much of it is known, and how old the answer is."""
        spending = answer.priced.spending
        notes = [answer.span.words]
        passed = spending.end - spending.begin
        if spending.known_seconds < KNOWN * passed:
            notes.append(f"only {numbers.duration(spending.known_seconds)} known")
        if now - answer.at > OLD_SECONDS:
            notes.append(f"{numbers.age(now - answer.at)} old")
        if self.spendings.why:
            notes.append(self.spendings.why)
        if answer.span is not self.span:
            notes.append(f"asking for {self.span.words}")
        return f" {dot} ".join(notes)

    def _layout(self, look: Look, width: int, answer: Answer[Sums]) -> split_pane.Table:
        """Which columns fit depends on every line: looked at once for each answer."""
        of = (look, width, answer.at, answer.span.id, self.by)
        if self._table is None or self._table[0] != of:
            self._table = of, split_pane.table(look, width, answer.sums.lines[self.by])
        return self._table[1]

    def _split(self, frame: Frame, answer: Answer[Sums], now: float) -> list[Row]:
        look, width = frame.look, frame.width
        lines, keys = list(self._lines.values()), list(self._lines)
        money = answer.sums.money
        title = f"{money_words(look, money) if money != NO_MONEY else 'nothing'} by {self.by}"
        notes = self._told(answer, now, look.signs.dot)
        if not lines:
            words = Line(look, width).add("  nothing was used that is known", "muted").row()
            return [rule(look, width, title, notes), words]
        index = keys.index(self.cursor.key) if self.cursor.key in self._lines else None
        most = 12 if frame.height >= ROOMY else 6
        window = self._line_scroll.window(index, len(lines), most)
        self.page = len(window)
        if len(window) < len(lines):
            title += f", {window.start + 1}-{window.stop} of {len(lines)}"
        at = self._layout(look, width, answer)
        rows = [rule(look, width, title, notes), split_pane.head(look, width, at, self.by)]
        for number in window:
            chosen = keys[number] == self.cursor.key
            rows.append(split_pane.line_row(look, width, at, lines[number], selected=chosen))
        if any(not lines[number].counted for number in window):
            rows.append(Line(look, width).add(f"  {split_pane.APART_WHY}", "muted").row())
        return rows
