"""From a config to who looks back."""

from __future__ import annotations

from wfmon.analysis.merge import Windows as Merging
from wfmon.analysis.pastfailures import Windows
from wfmon.config import schema
from wfmon.model.record import replace
from wfmon.monitor.building import Before
from wfmon.monitor.lookback import Deliver, LookBack, Means
from wfmon.monitor.settings import rule_settings
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import HistorySettings
from wfmon.text.sanitize import safe

HURRIED_SECONDS = 2.0  # that a source is given where somebody waits for the whole answer


def make_look_back(config: schema.Config, before: Before, deliver: Deliver) -> LookBack:
    windows = config.windows
    ladder = Merging(windows.runs, windows.grow_runs, windows.max, windows.rate).ladder
    means = Means(
        rules=rule_settings(config),
        windows=Windows(ladder, windows.grow_runs),
        aliases={alias: entry.name for entry in config.workflow for alias in entry.aliases},
        runbooks={entry.name: safe(entry.runbook) for entry in config.workflow if entry.runbook},
        history=lambda: HistoryReader(before.lane.state, HistorySettings.from_config(config)),
        epoch=before.epoch,
        seen_until=before.seen_until,
        step=float(config.history.fine.step),
        hurried=before.hurried,
        learns=before.epoch is not None and config.history.enabled,
    )
    if before.hurried:
        means = replace(means, patience=HURRIED_SECONDS)
    return LookBack(means, deliver)
