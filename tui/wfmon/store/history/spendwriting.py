"""What a batch tells of what was used and spent, within one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from wfmon.model.history import Role
from wfmon.model.spend import SpendSum
from wfmon.store.history import spendrows, spendsettling
from wfmon.store.history.ring import Contribution
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.spendrows import OUTCOMES, UNNAMED, Row, figures_of, hour_of
from wfmon.store.rows import is_time


class SpendWriting:
    """``give`` gives a name its id, None where there are too many; ``now``: POSIX seconds."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        give: Callable[[str], int | None],
        settings: HistorySettings,
        now: float,
    ) -> None:
        self._connection = connection
        self._give = give
        self._settings = settings
        self._now = now
        self._oldest = now - settings.hours_keep  # older ones are in days, and stay as they are

    def add(self, told: Sequence[SpendSum]) -> None:
        rows = list(self._rows(told))
        spendrows.add(self._connection, rows)
        self.mark(row.at for row in rows)

    def put(self, told: Sequence[SpendSum]) -> None:
        """In the place of what their sources told of these hours."""
        rows = list(self._rows(told))
        spendrows.put(self._connection, rows)
        self.mark(row.at for row in rows)

    def move(self, workflow: int, contribution: Contribution | None, sign: float) -> None:
        """Add what a run used to its hour, or take it back."""
        role = self._give(Role.LOGS.value)
        if contribution is None or role is None or not contribution.used:
            return
        at = hour_of(contribution.ended_at)
        if at < self._oldest:
            return
        rows = []
        for used in contribution.used:
            names = (self._id(used.provider), self._id(used.model), self._id(used.service))
            if None in names:
                continue
            provider, model, service = (each or UNNAMED for each in names)
            figures = tuple(None if each is None else sign * each for each in figures_of(used.amounts))
            outcome = OUTCOMES.index(used.outcome)
            rows.append(
                Row(
                    at, contribution.source, role, workflow, provider, model, service, outcome, False, figures
                )
            )
        spendrows.add(self._connection, rows)
        self.mark([at])

    def mark(self, hours: Iterable[float]) -> None:
        """What is known of these hours has changed."""
        spendsettling.mark(self._connection, {at for at in hours if at >= self._oldest})

    def settle(self) -> None:
        """Make some of the hours and days that are over."""
        roles = {number: role for role in Role if (number := self._give(role.value)) is not None}
        spendsettling.settle(self._connection, roles, self._now, self._settings.zone)

    def _rows(self, told: Iterable[SpendSum]) -> Iterable[Row]:
        for each in told:
            key = each.key
            source, role = self._give(each.source), self._give(each.role.value)
            names = [self._id(name) for name in (key.workflow, key.provider, key.model, key.service)]
            if source is None or role is None or None in names or not is_time(each.at):
                continue
            if each.at < self._oldest:
                continue
            workflow, provider, model, service = (number or UNNAMED for number in names)
            yield Row(
                hour_of(each.at), source, role, workflow, provider, model, service,
                OUTCOMES.index(key.outcome), each.paid, figures_of(each.amounts),
            )  # fmt: skip

    def _id(self, name: str) -> int | None:
        return UNNAMED if not name else self._give(name)
