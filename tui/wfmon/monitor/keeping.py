"""From a config to who keeps the history of a lane, and who answers for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import TYPE_CHECKING

import wfmon
from wfmon.config import schema
from wfmon.model.budget import CostRates
from wfmon.model.history import Change, ChangeKind
from wfmon.model.prices import EMPTY, PriceBook
from wfmon.model.record import replace
from wfmon.model.spend import Priced, SpendRequest
from wfmon.monitor.budgetsettings import budgets_of, rates_of
from wfmon.monitor.historian import Historian, Learns, Writing
from wfmon.monitor.memory import StoredMemory
from wfmon.monitor.recorder import Recorder
from wfmon.monitor.settings import baseline_settings, retention_settings
from wfmon.monitor.trends import draw_step
from wfmon.store.acks import AckStore
from wfmon.store.lanes import Lane
from wfmon.text.numbers import zone_name

if TYPE_CHECKING:
    from wfmon.monitor.hostspend import HostSpend


def make_historian(
    config: schema.Config,
    lane: Lane,
    acks: AckStore,
    zone: tzinfo | None,
    user: str,
    epoch: int,
    book: Callable[[], PriceBook] = lambda: EMPTY,
) -> Historian | None:
    """Who writes the history of ``lane`` for the collector of ``epoch``; None where the config wants
    none. ``book``: the prices that hold now."""
    if not config.history.enabled:
        return None
    from wfmon.store.history.settings import HistorySettings
    from wfmon.store.history.writer import HistoryWriter

    settings = HistorySettings.from_config(config)
    aliases = {alias: entry.name for entry in config.workflow for alias in entry.aliases}
    recorder = Recorder(aliases, float(config.history.fine.step))
    if lane.adopted:
        recorder.changed(
            Change(time.time(), ChangeKind.CONFIG, "wfmon-tui", "watches or judges otherwise now")
        )
    return Historian(
        HistoryWriter(lane.state, settings),
        _learner(config, lane, acks, zone, book),
        recorder,
        Writing(epoch, os.getpid(), user, wfmon.__version__),
        backfill=float(config.history.backfill),
        host=_host_spend(config),
    )


def make_memory(
    config: schema.Config,
    lane: Lane,
    acks: AckStore,
    zone: tzinfo | None,
    me: str,
    alone: Callable[[], str | None],
    book: Callable[[], PriceBook] = lambda: EMPTY,
) -> StoredMemory:
    """Who answers questions about the past of ``lane``; nothing is opened before the first question.
    ``alone`` and ``book``: see ``StoredMemory``."""
    from wfmon.store.history.reader import HistoryReader
    from wfmon.store.history.settings import HistorySettings

    reader = HistoryReader(lane.state, HistorySettings.from_config(config))
    memory = _RatedMemory(reader, acks, zone, me=me, alone=alone, book=book)
    memory.rates = rates_of(config)
    return memory


class _RatedMemory(StoredMemory):
    """Says with each spending what the machine costs."""

    rates = CostRates()

    async def spending(self, request: SpendRequest) -> Priced:
        return replace(await super().spending(request), rates=self.rates)


def _host_spend(config: schema.Config) -> HostSpend | None:
    if not rates_of(config).any:
        return None
    from wfmon.monitor.hostspend import make_host_spend

    return make_host_spend(config)


def _learner(
    config: schema.Config, lane: Lane, acks: AckStore, zone: tzinfo | None, book: Callable[[], PriceBook]
) -> Callable[[], Learns]:
    def make() -> Learns:
        from wfmon.monitor.accountant import Accountant
        from wfmon.monitor.learner import Learner
        from wfmon.store.history.reader import HistoryReader
        from wfmon.store.history.settings import HistorySettings

        settings = HistorySettings.from_config(config)
        reader = HistoryReader(lane.state, settings)
        name = zone_name(time.time(), settings.zone)
        accountant = Accountant(
            reader, budgets_of(config), rates_of(config), settings.zone, _named(config, name), book
        )
        return Learner(
            reader,
            acks,
            zone,
            baseline_settings(config),
            retention_settings(config),
            draw_step(float(config.windows.rate)),
            accountant,
        )

    return make


def _named(config: schema.Config, local: str) -> str:
    """The zone as the config names it, for whom it has to find; else what its clock is called now."""
    name = config.cost.timezone or config.ui.timezone
    return local if name == "local" else name
