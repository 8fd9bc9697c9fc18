"""Rows and costs as the picture makes them: with the money that both are made of."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis import merge, totals
from wfmon.analysis.burning import burning, counted, first_logs
from wfmon.analysis.choose import Claims
from wfmon.analysis.merge import Extras, Windows
from wfmon.analysis.observed import ObservedMetrics, ObservedRuns
from wfmon.model.prices import EMPTY, PriceBook
from wfmon.model.snapshot import Cost, Workflow


def merge_workflows(
    metrics: Sequence[ObservedMetrics],
    claims: Claims,
    logs: Sequence[ObservedRuns],
    windows: Windows,
    extras: Extras,
    book: PriceBook = EMPTY,
) -> tuple[Workflow, ...]:
    money = burning(claims, first_logs(logs), windows.rate, book)
    return merge.merge_workflows(metrics, claims, logs, windows, extras, money)


def cost_of(claims: Claims, logs: Sequence[ObservedRuns], windows: Windows, book: PriceBook = EMPTY) -> Cost:
    in_logs = first_logs(logs)
    money = burning(claims, in_logs, windows.rate, book)
    return totals.cost_of(money, counted(claims, money, in_logs, windows.rate, book), logs, windows, book)
