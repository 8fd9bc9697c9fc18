"""A small world with one workflow: an exporter and a log that say the same, and what really happened."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from support.exporter import Exporter, exporting
from support.kept import Sums, read_kept
from wfmon.model.history import Role

NAME = "invoice_extract"
TOKENS, COST = 40, 0.0125


@dataclass
class ShopFloor:
    """``work`` does runs; ``config`` is for watching it with batches every ``step`` seconds."""

    exporter: Exporter
    log: Path
    config: Path
    done: int = 0
    failed: int = 0
    ids: list[str] = field(default_factory=list)

    def work(self, runs: int = 1, *, failed: bool = False) -> None:
        """So many runs begin and end now."""
        metrics = self.exporter.metrics
        with self.log.open("a") as log:
            for _ in range(runs):
                self.done += 1
                self.failed += failed
                status = "error" if failed else "success"
                run = f"run-{self.done:05d}"
                self.ids.append(run)
                line = {
                    "ts": datetime.fromtimestamp(time.time(), UTC).isoformat(),
                    "level": "error" if failed else "info",
                    "workflow": NAME,
                    "run_id": run,
                    "status": status,
                    "duration_seconds": 2.0,
                    "total_tokens": TOKENS,
                    "cost_usd": COST,
                    "msg": f"run {status}",
                }
                if failed:
                    line["error"] = "TimeoutError: 504"
                log.write(json.dumps(line) + "\n")
                metrics.run(NAME, status)
                metrics.tokens.labels(NAME, "gpt-x", "input").inc(TOKENS)
                metrics.cost.labels(NAME, "gpt-x").inc(COST)

    @property
    def happened(self) -> Sums:
        return Sums(self.done, self.failed, self.done * TOKENS, self.done * COST)

    def is_kept(self, state: Path) -> bool:
        """AssertionError unless the history in ``state`` has what happened, once, by logs and by metrics."""
        kept = read_kept(state, [NAME])
        assert sorted(run.id for run in kept.runs[NAME]) == sorted(self.ids)
        for role in Role:
            found, happened = kept.sums[role].get(NAME, Sums(0.0, 0.0, 0.0, 0.0)), self.happened
            assert (found.runs, found.failures, found.tokens) == (
                happened.runs,
                happened.failures,
                happened.tokens,
            ), role
            assert abs(found.cost_usd - happened.cost_usd) < 1e-9, role
        return True


@contextmanager
def shop_floor(folder: Path, *, step: int = 2, more: str = "") -> Iterator[ShopFloor]:
    """``more``: further settings, as TOML."""
    log, config = folder / "work.jsonl", folder / "floor.toml"
    log.touch()
    with exporting() as exporter:
        config.write_text(
            f"""
[host]
enabled = false

[history]
fine = {{ step = "{step}s", keep = "1d" }}
{more}

[[source]]
name = "app"
kind = "scrape"
interval = "1s"
urls = ["{exporter.url}"]

[[source]]
name = "logs"
kind = "logs"
interval = "1s"
paths = ["{log}"]
"""
        )
        yield ShopFloor(exporter, log, config)
