"""For who is asked on Monday: did it work, how much of it, what did it cost, was it good enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar

from wfmon.analysis.slo import Availability, availability, success_share
from wfmon.model.budget import Slo
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Slot, Spending
from wfmon.text import numbers
from wfmon.ui import navigate
from wfmon.ui.look import Look
from wfmon.ui.pagescroll import PageScroll
from wfmon.ui.panes import executive as pane
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.empty import waiting
from wfmon.ui.panes.executivefigures import (
    SPANS,
    Compared,
    LastDays,
    TwiceThirty,
    Waste,
    by_day,
    compared,
    waste_of,
)
from wfmon.ui.panes.spendfacts import money_facts
from wfmon.ui.panes.spendplot import slot_labels
from wfmon.ui.panes.titlebar import title_row
from wfmon.ui.plots import bars
from wfmon.ui.rows import Line, Row, rule, wrap
from wfmon.ui.spendings import Answer, Spendings, moved, zone_of
from wfmon.ui.views.base import Deed, Frame, ShellDoor, View
from wfmon.ui.views.operations import paused

DAYS = 30  # of the plot, and of targets where no days are declared
OLD_SECONDS = 120.0
ROOMY = 34  # rows from which on the plot is higher

Columns = Answer[tuple[Compared, ...]]


class ExecutiveView(View):
    """It tells of the past as seen from now, whatever moment the screen is of."""

    name = "executive"
    timed: ClassVar[bool] = False
    footer: ClassVar[tuple[str, ...]] = ("open", "explain", "pause", "sources", "back")

    def __init__(self) -> None:
        super().__init__()
        self._scroll = PageScroll()
        self._missed: dict[str, str] = {}

    def opened(self, shell: ShellDoor) -> None:
        super().opened(shell)
        self.sums = Spendings(shell, self.start, compared, self._refresh_rest)
        self.targets = Spendings(shell, self.start, lambda _priced, _at, _zone: None)
        self.waste = {days: Spendings(shell, self.start, waste_of) for days in SPANS}
        self._refresh()

    def uncovered(self) -> None:
        self._refresh()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self._refresh()

    def _refresh(self) -> None:
        latest = self.shell.latest
        zone = zone_of(latest, self.shell.look)
        self.sums.refresh(TwiceThirty(), zone, moved(latest))
        if self.sums.answer is not None:
            self._refresh_rest()

    def _refresh_rest(self) -> None:
        """What is read after the first figures, so that they do not wait for it."""
        latest = self.shell.latest
        zone = zone_of(latest, self.shell.look)
        for days, spendings in self.waste.items():
            spendings.refresh(LastDays(days), zone)
        if latest is not None and (latest.slo is not None or any(one.slo for one in latest.workflows)):
            days = latest.slo.days if latest.slo is not None else DAYS
            self.targets.refresh(LastDays(days), zone)

    # --- keys

    def deeds(self) -> Mapping[str, Deed]:
        key = self.cursor.key if self.cursor.keys else None
        if key in self._missed:
            name = self._missed[key]
            return {
                "open": partial(navigate.open_workflow, self.shell, name),
                "explain": partial(self._explain_target, name),
            }
        if key is not None and key.startswith(pane.KEY):
            return {"explain": partial(self._explain, key.removeprefix(pane.KEY))}
        return {}

    def _explain_target(self, name: str) -> None:
        def facts(frame: Frame) -> Iterator[tuple[str, str]]:
            snapshot = self._snapshot(frame)
            target = (
                next((one.slo for one in snapshot.workflows if one.name == name), None) if snapshot else None
            )
            answer = self.targets.answer
            spending = answer.priced.spending if answer is not None else None
            known = availability(pane.runs_of(spending, name), target)
            if known is None or answer is None:
                yield "target", "nothing is known of it now"
                return
            yield from _target_facts(known, answer, self.shell.now())

        navigate.open_facts(self.shell, f"target of {name}", facts)

    def _explain(self, figure: str) -> None:
        def facts(frame: Frame) -> Iterator[tuple[str, str]]:
            answer = self.sums.answer
            if answer is None:
                return
            for column in answer.sums:
                yield column.name, ""
                if figure == "wasted":
                    yield from _waste_facts(frame.look, column, self._waste().get(column.days))
                else:
                    yield from _column_facts(frame.look, figure, column, self.shell.now())
            yield "age", numbers.age(max(0.0, self.shell.now() - answer.at))
            yield "source", "finished runs and usage of each hour, as the history keeps them"

        navigate.open_facts(self.shell, figure, facts)

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
                view="exec",
                label=self.shell.label,
                paused=paused(self.shell, now),
                banner=frame.banner,
            )
        ]
        if snapshot is None:
            return top + waiting(look, width, [])
        answer = self.sums.answer
        if answer is None:
            return top + self._unknown(look, width, snapshot)
        slo, spending, waste = snapshot.slo, self._told(), self._waste()
        whole = availability(pane.runs_of(spending), slo.success if slo is not None else None)
        top += pane.headline(look, width, answer.sums[-1], whole.met if whole is not None else None)
        missed, unknown, targets = self._by_workflow(snapshot)
        self._missed = {pane.MISSED + name: name for name, _known in missed}
        figures = [f"{pane.KEY}{name}" for name in ("succeeded", "runs", "spent", "wasted")]
        table = list(pane.table_rows(look, width, answer.sums, waste, None))
        drawn = {row.key for row in table}
        self.cursor.place([key for key in figures if key in drawn] + list(self._missed))
        page = [rule(look, width, "How it went", self._notes(answer, now, look.signs.dot))]
        page += pane.table_rows(look, width, answer.sums, waste, self.cursor.key)
        page += self._availability(look, width, slo, whole)
        if targets:
            days = self.targets.answer.span.words if self.targets.answer is not None else ""
            page.append(rule(look, width, f"Workflows with a target of their own: {targets}", days))
            page += pane.missed_rows(look, width, targets, missed, unknown, self.cursor.key)
        page += self._plot(frame, answer, slo)
        left = frame.height - len(top)
        self.page = max(1, left // 2)
        return top + self._scroll.shown(look, width, page, left, self.cursor.key)

    def _waste(self) -> dict[int, Waste]:
        """By days, as far as it is answered."""
        answers = {days: spendings.answer for days, spendings in self.waste.items()}
        return {days: answer.sums for days, answer in answers.items() if answer is not None}

    def _told(self) -> Spending | None:
        """The time that targets are of."""
        answer = self.targets.answer
        return answer.priced.spending if answer is not None else None

    def _notes(self, answer: Columns, now: float, dot: str) -> str:
        notes = []
        if now - answer.at > OLD_SECONDS:
            notes.append(f"{numbers.age(now - answer.at)} old")
        if self.sums.why:
            notes.append(self.sums.why)
        return f" {dot} ".join(notes)

    def _unknown(self, look: Look, width: int, snapshot: Snapshot) -> list[Row]:
        """Before the first answer, or where there is none: what is known of now."""
        self.cursor.place([])
        totals = snapshot.totals
        rows = []
        if totals.n and totals.success_ratio is not None:
            window = numbers.duration(totals.window_seconds)
            words = f"{pane.share(totals.success_ratio)} of {pane.whole(totals.n)} runs succeeded in the last"
            rows.append(Line(look, width).add(f"  {words} {window}", "strong").row())
        if snapshot.cost.burn.known:
            rows.append(Line(look, width).add(f"  {money_words(look, snapshot.cost.burn)} an hour now").row())
        why = f"asking for the last 60 days {look.signs.more}"
        if self.sums.why:
            why = f"today, 7 days and 30 days are not known: {self.sums.why}"
        return rows + [Line(look, width).add(f"  {part}", "muted").row() for part in wrap(why, width - 4, 3)]

    def _availability(self, look: Look, width: int, slo: Slo | None, whole: Availability | None) -> list[Row]:
        if slo is not None and self.targets.answer is None:
            why = self.targets.why or f"asking {look.signs.more}"
            rows = [Line(look, width).add(f"  {why}", "muted").row()]
        else:
            target, days = (slo.success, slo.days) if slo is not None else (None, DAYS)
            rows = pane.availability_rows(look, width, whole, target, days, self._told())
        return [rule(look, width, "Good enough?"), *rows]

    def _by_workflow(self, snapshot: Snapshot) -> tuple[list[tuple[str, Availability]], int, int]:
        """Workflows that miss their own target, the worst first; how many are not known, and how many have
        one."""
        spending = self._told()
        missed, unknown, targets = [], 0, 0
        for one in snapshot.workflows:
            if not one.slo:
                continue
            targets += 1
            known = availability(pane.runs_of(spending, one.name), one.slo)
            if known is None:
                unknown += 1
            elif not known.met:
                missed.append((one.name, known))
        return sorted(missed, key=lambda each: (-(each[1].spent or 0.0), each[0])), unknown, targets

    def _plot(self, frame: Frame, answer: Columns, slo: Slo | None) -> list[Row]:
        """Runs each day; days that missed the target are marked, and counted in the title."""
        look, width = frame.look, frame.width
        zone = zone_of(self._snapshot(frame), look)
        slots = by_day(answer.priced.spending.slots, answer.at, zone, DAYS)
        values = [_runs_of_day(slot) for slot in slots]
        bad = frozenset(n for n, slot in enumerate(slots) if _missed(slot, slo))
        height = 9 if frame.height >= ROOMY else 5
        labels = slot_labels(slots, zone)
        drawn = bars(look, values, width, height, write=numbers.count, labels=labels, marked=bad)
        if not drawn:
            return []
        notes = (
            "" if slo is None else f"{len(bad)} of {len(slots)} days below {pane.target_words(slo.success)}"
        )
        return [rule(look, width, "Runs each day", notes), *drawn]


def _runs_of_day(slot: Slot) -> float | None:
    """None where nothing watched; where nobody told of runs while it was watched, there were none."""
    if slot.runs is not None:
        return slot.runs.runs
    return 0.0 if slot.known_seconds >= (slot.end - slot.begin) / 2 else None


def _missed(slot: Slot, slo: Slo | None) -> bool:
    known = availability(slot.runs, slo.success if slo is not None else None)
    return known is not None and not known.met


def _column_facts(look: Look, figure: str, column: Compared, now: float) -> Iterator[tuple[str, str]]:
    for words, stretch in (("now", column.now), ("before", column.before)):
        begin, end = stretch.begin, stretch.begin + stretch.seconds
        span = f"{look.minute(begin, now)} to {look.minute(end, now)}"
        known = f"{numbers.duration(stretch.known)} of {numbers.duration(stretch.seconds)} known"
        runs = stretch.runs
        if figure == "spent":
            told = money_words(look, stretch.money)
        elif runs is None:
            told = "no finished run is known"
        else:
            told = f"{pane.whole(runs.runs)} runs, {pane.whole(runs.failures)} failed"
            told += f", {pane.share(success_share(runs))} succeeded"
        yield words, f"{told}; {span}; {known}"
        if figure == "spent":
            yield from money_facts(look, stretch.money)
    if figure == "succeeded":
        yield (
            "formula",
            "runs that succeeded / (succeeded + failed + timed out + lost); cancelled are in neither",
        )


def _waste_facts(look: Look, column: Compared, waste: Waste | None) -> Iterator[tuple[str, str]]:
    if waste is None or waste.share is None:
        yield "now", "no source tells what became of the work that was paid for"
        return
    yield "now", money_words(look, waste.wasted) if waste.wasted.known else "nothing"
    yield from money_facts(look, waste.wasted)
    yield "share", f"{numbers.percent(waste.share)} of the money of work whose outcome is told"
    known, seconds = numbers.duration(column.now.known), numbers.duration(column.now.seconds)
    yield "known", f"{known} of {seconds} known"


def _target_facts(known: Availability, answer: Answer[None], now: float) -> Iterator[tuple[str, str]]:
    spending = answer.priced.spending
    yield "target", f"{pane.target_words(known.target)} of its runs in {answer.span.words}"
    yield "now", f"{pane.share(known.success)} of {pane.whole(known.runs)} runs"
    yield "allowed", f"{known.allowed:,.1f} failures = runs x (1 - target)"
    yield "failed", f"{pane.whole(known.failures)}"
    if known.spent is not None:
        yield "used", f"{numbers.percent(known.spent)} = failed / allowed (SRE workbook 2)"
    passed = spending.end - spending.begin
    yield "known", f"{numbers.duration(spending.known_seconds)} of {numbers.duration(passed)}"
    yield "age", numbers.age(max(0.0, now - answer.at))
