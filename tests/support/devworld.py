"""A workflow as its author looks at it: runs with steps, attempts and errors, models, calls and prices."""

from __future__ import annotations

from dataclasses import replace

from support.snapshots import NOW, incident
from wfmon.model.prices import PriceBook, Rates, UnitPrice
from wfmon.model.run import ModelUsage, Run, RunStatus, Step, Usage
from wfmon.model.snapshot import CallRow, Snapshot

PRICES = PriceBook(
    found={
        "openai/gpt-x": UnitPrice(Rates(3.0, 15.0, 0.3), "genai-prices 0.2.3", "gpt-x"),
        "acme/claude-y": None,
    }
)


def run(number: int, ago: float, *, failed: bool = False) -> Run:
    """``fetch``, ``extract`` with a model, ``store``; a failed one ends in ``extract`` at its third try."""
    extract = 7.0 if failed else 3.0 + number % 5
    begin = NOW - ago - 0.4 - extract - (0.0 if failed else 0.6)
    usage = Usage(input=1_100 + number, output=100, total=1_200 + number)
    error = f"TimeoutError: api.example 504 after {number} s"
    steps = [Step("fetch", RunStatus.SUCCESS, begin, 0.4, 1, ended_at=begin + 0.4)]
    steps.append(
        Step(
            "extract",
            RunStatus.ERROR if failed else RunStatus.SUCCESS,
            begin + 0.4,
            2.0 if failed else extract,
            3 if failed else 1,
            "gpt-x",
            usage,
            error if failed else None,
            begin + 0.4 + extract,
            provider="openai",
        )
    )
    if not failed:
        steps.append(Step("store", RunStatus.SUCCESS, begin + 0.4 + extract, 0.6, 1, ended_at=NOW - ago))
    return Run(
        f"run-{number:04x}",
        "invoice_extract",
        RunStatus.ERROR if failed else RunStatus.SUCCESS,
        started_at=begin,
        ended_at=NOW - ago,
        duration_seconds=NOW - ago - begin,
        attempt=3 if failed else 1,
        retries=2 if failed else 0,
        usage=usage,
        model="gpt-x",
        provider="openai",
        error=error if failed else None,
        error_at=NOW - ago if failed else None,
        source="app logs",
        log="/var/log/wf/invoice.jsonl",
        steps=tuple(steps),
        parts=(ModelUsage("openai", "gpt-x", "", usage, 3 if failed else 1),),
        calls=(("openai", 3 if failed else 1),),
    )


def going() -> Run:
    """A run that waits for its model."""
    begin = NOW - 21.0
    return Run(
        "run-beef",
        "invoice_extract",
        RunStatus.RUNNING,
        started_at=begin,
        source="app logs",
        last_line_at=NOW - 12.0,
        steps=(
            Step("fetch", RunStatus.SUCCESS, begin, 0.5, 1, ended_at=begin + 0.5),
            Step("extract", RunStatus.RUNNING, begin + 0.5, attempt=2, model="gpt-x"),
        ),
    )


def developed() -> Snapshot:
    base = incident()
    runs = [run(number, 6.0 + 9 * number, failed=number % 3 == 0) for number in range(60)]
    recent = {"invoice_extract": tuple(reversed(runs))}
    calls = (
        CallRow("openai", "invoice_extract", 120.0, 3.0),
        CallRow("acme", "invoice_extract", 30.0, None),
        CallRow("openai", "research_agent", 40.0, 0.0),
    )
    shown = (going(), *runs[:20], base.runs[2])
    sources = tuple(
        replace(
            one,
            formulas=(
                ("runs", "sum by (workflow, status) (increase(workflow_runs_total[5m]))"),
                (
                    "duration",
                    "histogram_quantile(0.95, sum by (le) (rate(workflow_duration_seconds_bucket[5m])))",
                ),
            ),
        )
        if one.name == "prom"
        else one
        for one in base.sources
    )
    return replace(base, runs=shown, recent=recent, calls=calls, prices=PRICES, sources=sources)
