"""The start screen: what is broken now, since when, who has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from wfmon.model.alert import Alert
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.model.source import SourceState
from wfmon.ui import navigate, order
from wfmon.ui.accepting import accept_deeds
from wfmon.ui.acking import ack_deeds, only_alert
from wfmon.ui.keys import shown
from wfmon.ui.panes import alerts as alert_pane
from wfmon.ui.panes import verdict as verdict_pane
from wfmon.ui.panes import workflows as workflow_pane
from wfmon.ui.panes.beside import Part, beside, split
from wfmon.ui.panes.columns import Layout, choose
from wfmon.ui.panes.empty import nothing_seen, waiting
from wfmon.ui.panes.memory import memory_rows
from wfmon.ui.panes.storage import storage_rows
from wfmon.ui.panes.titlebar import Paused, title_row
from wfmon.ui.panes.tokens import token_rows
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.prompt import AskLine, Choose
from wfmon.ui.rows import Line, Row, Scroll
from wfmon.ui.views.base import Deed, Frame, ShellDoor, View
from wfmon.ui.views.plan import Plan, plan

STILL_SECONDS = 5.0
BOTTOM_ROWS = 10
TOKENS, MEMORY, STORAGE = BOTTOM = ("b:tokens", "b:memory", "b:storage")  # the panes there, for the cursor


class OperationsView(View):
    name = "operations"
    footer: ClassVar[tuple[str, ...]] = (
        "open",
        "worst_error",
        "log",
        "ack",
        "unack",
        "snooze",
        "note",
        "share",
        "filter",
        "explain",
        "sort",
        "pause",
        "sources",
        "refresh",
        "ended",
    )

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""
        self.sort = "n"
        self.inverted = False
        self.skip = 0
        self._alerts_pane = alert_pane.AlertsPane()
        self._workflows_pane = workflow_pane.WorkflowsPane()
        self._alert_order = order.StillOrder()
        self._workflow_order = order.StillOrder()
        self._alert_scroll = Scroll()
        self._workflow_scroll = Scroll()
        self._alerts: dict[str, Alert] = {}
        self._workflows: dict[str, Workflow] = {}
        self._worst: dict[str, Alert] = {}
        self._keys: list[str] = []
        self._arranged_for: tuple[object, ...] | None = None
        self._longest_name = 0
        self._systems = False  # whether figures are of several
        self._touched = False  # a person has pressed a key here: the cursor is theirs
        self._still_from: float | None = None  # last key; the order stands still from then on
        self._layout: Layout | None = None
        self._left_at: dict[str, str] = {}
        self._below = False  # the panes at the bottom are drawn

    # --- keys

    def travelled(self) -> None:
        self._still_from = None

    def on_key(self) -> None:
        self._touched = True
        self._still_from = self.shell.now()

    def deeds(self) -> Mapping[str, Deed]:
        deeds: dict[str, Deed] = {}
        snapshot = self.shell.snapshot
        if snapshot is None:
            return deeds
        if self._workflows:
            deeds |= {"filter": self._ask_filter, "sort": self._ask_sort, "invert": self._invert}
            if self._layout is not None and self._layout.hidden:
                deeds["more_columns"] = lambda: self._shift(1)
            if self.skip:
                deeds["fewer_columns"] = lambda: self._shift(-1)
        if self.filter:
            deeds["back"] = lambda: self._set_filter("")
        if len(self._panes()) > 1:
            deeds |= {"next_pane": partial(self._pane, 1), "previous_pane": partial(self._pane, -1)}
        if self.cursor.key in BOTTOM and self._below:
            return {**deeds, **self._bottom_deeds(self.cursor.key)}
        alert, workflow = self.row_alert(), self.row_workflow()
        if alert is not None:
            deeds["open"] = lambda: navigate.open_alert(self.shell, alert)
            deeds["copy"] = lambda: navigate.hand_off(self.shell, alert)
        elif workflow is not None:
            deeds["open"] = lambda: navigate.open_workflow(self.shell, workflow)
        deeds["explain_storage"] = lambda: navigate.open_explain(self.shell)
        if alert is not None or workflow is not None:
            alert_id = alert.id if alert is not None else None
            deeds["explain"] = lambda: navigate.open_explain(self.shell, workflow, alert_id)
        deeds |= accept_deeds(self.shell, workflow)
        if workflow is not None:
            deeds["log"] = lambda: navigate.open_log(self.shell, workflow)
            if navigate.worst_run(snapshot, workflow) is not None:
                deeds["row_error"] = lambda: navigate.open_error(self.shell, workflow)
        deeds |= ack_deeds(self.shell, alert or (only_alert(snapshot, workflow) if workflow else None))
        return deeds

    def click(self, key: str, column: int) -> None:
        snapshot = self.shell.snapshot
        if key != verdict_pane.KEY:
            super().click(key, column)
        elif snapshot is not None:
            told = [alert for alert in snapshot.alerts if alert.id == snapshot.verdict.alert_id]
            for alert in told[:1]:
                navigate.open_alert(self.shell, alert)

    def row_alert(self) -> Alert | None:
        """The alert under the cursor."""
        return self._alerts.get(self.cursor.key or "")

    def row_workflow(self) -> str | None:
        """The workflow of the row under the cursor."""
        alert = self.row_alert()
        if alert is not None:
            return alert.workflow
        workflow = self._workflows.get(self.cursor.key or "")
        return workflow.name if workflow is not None else None

    def _panes(self) -> list[str]:
        """Where the cursor can be: alerts, workflows, each of the panes at the bottom."""
        lists = [alert_pane.KEY] if self._alerts else []
        lists += [workflow_pane.KEY] if self._workflows else []
        return lists + (list(BOTTOM) if self._below else [])

    def _pane(self, step: int) -> None:
        key, panes = self.cursor.key or "", self._panes()
        here = key if key in BOTTOM else key[:2]
        self._left_at[here] = key
        there = panes[(panes.index(here) + step) % len(panes)] if here in panes else panes[0]
        keys = BOTTOM if there in BOTTOM else self._keys
        self.cursor.place(keys)
        rows = [one for one in keys if one.startswith(there)]
        wanted = self._left_at.get(there)
        self.cursor.select(wanted if wanted in rows else rows[0])

    def _bottom_deeds(self, pane: str | None) -> dict[str, Deed]:
        """What the figures of a pane at the bottom lead to, and what explains them all."""
        from wfmon.ui import explaining

        if pane == TOKENS:
            finance = partial(self.shell.switch, "finance")
            return {"open": finance, "explain": partial(explaining.explain_tokens, self.shell)}
        if pane == MEMORY:
            return {"explain": partial(explaining.explain_memory, self.shell)}
        return {"explain": partial(navigate.open_explain, self.shell)}

    @property
    def _ended_key(self) -> str:
        return shown(self.shell.keymap.key("ended"), ascii_only=self.shell.look.ascii)

    def _ask_filter(self) -> None:
        before = self.filter

        def done(text: str | None) -> None:
            self._set_filter(before if text is None else text)

        self.shell.ask(AskLine("filter:", done, self._set_filter))

    def _set_filter(self, text: str) -> None:
        self.filter = text

    def _ask_sort(self) -> None:
        def done(key: str | None) -> None:
            if key is not None:
                self.sort, self.inverted = key, False
                self._still_from = None

        choices = [(key, words) for key, words, _figure in order.SORTS]
        self.shell.ask(Choose("sort:", choices, done, self.sort))

    def _invert(self) -> None:
        self.inverted = not self.inverted
        self._still_from = None

    def _shift(self, step: int) -> None:
        self.skip = max(0, self.skip + step)

    # --- drawing

    def rows(self, frame: Frame) -> list[Row]:
        snapshot = frame.snapshot
        rows = [self._title(frame)]
        if snapshot is None and frame.past is not None:
            return rows + unknown_rows(frame, frame.past)
        if snapshot is None:
            return rows + waiting(frame.look, frame.width, [])
        self._arrange(snapshot, self.shell.now())
        here = self.row_alert()
        enter = here is not None and here.id == snapshot.verdict.alert_id
        rows += verdict_pane.verdict_rows(frame.look, frame.width, snapshot.verdict, enter=enter)
        ended = [alert for alert in self._alerts.values() if not alert_pane.is_listed(alert)]
        opened = [key for key in self._alert_order.keys if alert_pane.is_listed(self._alerts[key])]
        if ended:
            row = verdict_pane.ended_row(
                frame.look,
                frame.width,
                snapshot.ended,
                frame.now,
                key=self._ended_key,
                shared=snapshot.acks_shared,
                selected=here is not None and not alert_pane.is_listed(here),
            )
            rows += [row] if row is not None else []
        shares = plan(
            frame.height - len(rows), len(opened), max(1, len(self._workflow_order.keys)), BOTTOM_ROWS
        )
        self._below = shares.bottom > 0
        if self.cursor.key in BOTTOM and not self._below:
            self.cursor.place(self._keys)
        rows += self._alert_rows(frame, snapshot, opened, shares.alerts)
        rows += self._workflow_rows(frame, snapshot, shares)
        if shares.bottom:
            rows += _bottom(frame, snapshot, shares.bottom, self.cursor.key)
        return rows

    def _title(self, frame: Frame) -> Row:
        return title_row(
            frame.look,
            frame.width,
            frame.snapshot if frame.past is None else frame.snapshot or self.shell.latest,
            frame.now,
            view="ops",
            label=self.shell.label,
            paused=paused(self.shell, frame.now),
            banner=frame.banner,
        )

    def _arrange(self, snapshot: Snapshot, now: float) -> None:
        still = self._still_from is not None and 0 <= now - self._still_from < STILL_SECONDS
        seen = (snapshot.alerts, snapshot.workflows, snapshot.ended)
        asked = (*seen, still, self.filter, self.sort, self.inverted)
        if self._arranged_for is not None and _same(asked, self._arranged_for):
            return
        self._arranged_for = asked
        wanted = self.filter.casefold()
        opened = [alert for alert in snapshot.alerts if _matches(alert, wanted)]
        last = [] if any(alert.open for alert in snapshot.alerts) else list(snapshot.ended[:1])
        opened = alert_pane.listed(opened)
        shown = [*last, *opened]
        self._alerts = {alert_pane.KEY + alert.id: alert for alert in shown}
        self._worst = order.worst_alerts(snapshot.alerts)
        workflows = [one for one in snapshot.workflows if wanted in one.name.casefold()]
        workflows = order.ranked(workflows, self._worst, self.sort, invert=self.inverted)
        self._workflows = {workflow_pane.KEY + one.name: one for one in workflows}
        self._longest_name = max((len(one.name) for one in snapshot.workflows), default=0)
        self._systems = any(one.systems for one in snapshot.workflows)
        alerts = self._alert_order.arrange(list(self._alerts), frozen=still)
        rows = self._workflow_order.arrange(list(self._workflows), frozen=still)
        self._keys = [*alerts, *rows]
        if self.cursor.key not in BOTTOM:
            self.cursor.place(self._keys)
        if not self._touched and opened:
            self.cursor.select(self._keys[0])

    def _alert_rows(self, frame: Frame, snapshot: Snapshot, opened: list[str], height: int) -> list[Row]:
        if not opened:
            return []
        look, width, now = frame.look, frame.width, frame.now
        key = self.cursor.key
        index = opened.index(key) if key in opened else None
        window = self._alert_scroll.window(index, len(opened), height)
        shown = [self._alerts[opened[number]] for number in window]
        rows = [
            self._alerts_pane.title(
                look,
                width,
                snapshot,
                now,
                key=self._ended_key,
                new=self._alert_order.new if self.shell.moment is None else 0,
            )
        ]
        rows += self._alerts_pane.rows(look, width, shown, now, cursor=key)
        if len(shown) < len(opened):
            seen = {alert.id for alert in shown}
            hidden = [self._alerts[one] for one in opened if self._alerts[one].id not in seen]
            rows.append(self._alerts_pane.more(look, width, hidden))
        return rows

    def _workflow_rows(self, frame: Frame, snapshot: Snapshot, shares: Plan) -> list[Row]:
        look, width = frame.look, frame.width
        if not snapshot.workflows:
            names = [one.name for one in snapshot.sources if one.state is SourceState.WAITING]
            return waiting(look, width, names) if names else nothing_seen(look, width, snapshot.discovery)
        # The columns stay where they are while the first baselines are learnt, and on the way into the
        # past, which does not tell what was usual.
        latest = self.shell.latest or snapshot
        usual = latest.history is not None or any(one.usual is not None for one in snapshot.workflows)
        layout = choose(width, self._longest_name, usual=usual, systems=self._systems, skip=self.skip)
        self._layout = layout
        self.page = shares.workflows
        keys = self._workflow_order.keys
        rows = [self._workflows_pane.title(look, width, snapshot.totals, self._notes(snapshot))]
        rows.append(self._workflows_pane.head(look, width, layout))
        if not keys:
            words = f'  no workflow matches "{self.filter}" · esc clears the filter'
            return [*rows, Line(look, width).add(words, "muted").row()]
        at = -1 if self.cursor.key in BOTTOM else self.cursor.index - (len(self._keys) - len(keys))
        stale = _silent(snapshot)
        for number in self._workflow_scroll.window(at if at >= 0 else None, len(keys), shares.workflows):
            workflow = self._workflows[keys[number]]
            rows.append(
                self._workflows_pane.row(
                    look,
                    width,
                    layout,
                    workflow,
                    frame.now,
                    alert=self._worst.get(workflow.name),
                    stale=stale,
                    selected=self.cursor.key == keys[number],
                )
            )
        return rows

    def _notes(self, snapshot: Snapshot) -> list[str]:
        """What the title of the workflows says of filter, order and what does not fit."""
        notes = []
        if _last_known(snapshot, "runs", "active"):
            notes.append("last known")
        if self.filter:
            notes.append(f"/{self.filter} {len(self._workflow_order.keys)} of {len(snapshot.workflows)}")
        if self.sort != "n" or self.inverted:
            words = next(words for key, words, _figure in order.SORTS if key == self.sort)
            notes.append(f"by {words}{', inverted' if self.inverted else ''}")
        if self._workflow_order.new:
            notes.append(f"{self._workflow_order.new} new below")
        if len(self._workflow_order.keys) > self.page:
            notes.append(f"{len(self._workflow_order.keys)} workflows")
        return notes


def paused(shell: ShellDoor, now: float) -> Paused | None:
    """What line 1 says of a screen that stands still."""
    if shell.paused_at is None:
        return None
    shown = {alert.id for alert in shell.snapshot.alerts if alert.open} if shell.snapshot else set()
    latest = shell.latest
    new = sum(alert.open and alert.id not in shown for alert in latest.alerts) if latest else 0
    return Paused(now - shell.paused_at, new)


def _silent(snapshot: Snapshot) -> frozenset[str]:
    """Sources that do not answer now."""
    gone = (SourceState.DOWN, SourceState.STALE)
    return frozenset(one.name for one in snapshot.sources if one.state in gone)


def _last_known(snapshot: Snapshot, *figures: str) -> bool:
    """Whether sums over all workflows hold figures of a source that does not answer now."""
    silent = _silent(snapshot)
    if not silent:
        return False
    origins = {name for one in snapshot.workflows for figure, name in one.origin if figure in figures}
    if origins:
        return not silent.isdisjoint(origins)
    # Not split by workflow: of any source but the host.
    return any(one.name in silent and one.kind != "host" and one.as_of for one in snapshot.sources)


def _bottom(frame: Frame, snapshot: Snapshot, height: int, cursor: str | None) -> list[Row]:
    look, host = frame.look, snapshot.host
    money = _last_known(snapshot, "tokens", "cost")
    unwatched = any(one.kind == "host" and one.name in _silent(snapshot) for one in snapshot.sources)
    left, middle, right = split(frame.width)
    draw: tuple[tuple[str, int, Callable[[int, int], list[Row]], bool], ...] = (
        ("Tokens & cost", left, lambda width, rows: token_rows(look, width, rows, snapshot), money),
        ("Memory", middle, lambda width, rows: memory_rows(look, width, rows, host), unwatched),
        ("Storage", right, lambda width, rows: storage_rows(look, width, rows, snapshot), unwatched),
    )
    parts = [Part(*part, pointed=key == cursor) for key, part in zip(BOTTOM, draw, strict=True)]
    return beside(look, parts, height)


def _matches(alert: Alert, wanted: str) -> bool:
    if not wanted:
        return True
    texts = (alert.rule, alert.workflow or "", *(value for _name, value in alert.labels))
    return any(wanted in text.casefold() for text in texts)


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Equal element by element, where the three large parts are compared by identity."""
    return all(mine is its for mine, its in zip(one[:3], other[:3], strict=True)) and one[3:] == other[3:]
