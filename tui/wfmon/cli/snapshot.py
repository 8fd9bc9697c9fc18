"""``wfmon-tui snapshot``: everything that is known, once, for scripts (``--json``) or for people."""

from __future__ import annotations

import json
import sys

from wfmon.cli.contract import snapshot_json
from wfmon.cli.headless import look
from wfmon.cli.options import Options
from wfmon.cli.table import table
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.text.numbers import count, money_cell, percent_cell, rate, span


def run(options: Options) -> int:
    """0 if at least one source answered, else 1."""
    seen = look(options.load_config().config, options.wait, ad_hoc=options.ad_hoc, read_only=True)
    if seen.snapshot is None:
        print(f"no source answered within {options.wait:g}s", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(snapshot_json(seen.snapshot), indent=2, ensure_ascii=False))
    else:
        print(_text(seen.snapshot))
    return 0 if seen.answered else 1


def _text(snapshot: Snapshot) -> str:
    head = ("WORKFLOW", "ACT", "RUN/m", "ERR%", "P95", "TOK/m", "$/h")
    rows = [head, *(_row(workflow) for workflow in snapshot.workflows)]
    return "\n".join([f"{snapshot.verdict.level.upper()}: {snapshot.verdict.text}", *table(rows)])


def _row(workflow: Workflow) -> tuple[str, ...]:
    active = "–" if workflow.active is None else str(workflow.active)
    return (
        workflow.name,
        f"≥{active}" if workflow.active_at_least else active,
        rate(workflow.runs_per_minute),
        percent_cell(workflow.runs.error_ratio if workflow.runs else None),
        span(workflow.duration_p95_seconds),
        count(workflow.tokens_per_minute),
        money_cell(workflow.cost_usd_per_hour),
    )
