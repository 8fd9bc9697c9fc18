"""A real workload, watched by processes that are killed and started at random, and its books compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from support.kept import Kept, check_one_after_another, check_runs, check_sums, newest_looks, read_kept
from support.program import Program
from support.relay import Plan, Relay, relay
from support.waiting import wait_until
from wfmon.demo.incidents import ERROR_BURST
from wfmon.demo.ledger import Entry, read_ledger
from wfmon.demo.spec import WORKFLOWS
from wfmon.demo.workload import Workload

NAMES = [spec.name for spec in WORKFLOWS]
TARGETS = 6
# The design wants a collector within 2 s; a machine under load may be late, but never by much.
NOBODY_SECONDS = 5.0
SOON_SECONDS = 2.0


def soak(program: Program, plan: Plan, *, seed: int, step: int, log_bytes: int) -> str:
    """Go through ``plan`` and compare; a few figures in words. ``step``: seconds between two batches."""
    state = program.folder / "soaked"
    with Workload(seed=seed, incidents=[ERROR_BURST], hold=True, log_bytes=log_bytes) as workload:
        info = workload.info
        wait_until((info.directory / "ready").exists, timeout=60, message="the workload is up")
        config = program.folder / "soak.toml"
        config.write_text(
            info.config.read_text() + f'\n[history]\nfine = {{ step = "{step}s", keep = "1d" }}\n'
        )
        program = replace(program, words=("--config", str(config), "--state-dir", str(state)))
        with relay(program, state, seed) as crew:
            for watcher in (crew.record(), crew.watch(), crew.record()):
                crew.wait_up(watcher)
            wait_until(
                lambda: len(newest_looks(state)) == TARGETS,
                timeout=60,
                message="each target is watched before the first run",
            )
            workload.release()
            crew.run(plan)
            workload.quiet()
            wait_until(info.quiet.exists, timeout=30, message="all runs have ended")
            rested = time.time()
            crew.end_all()
            crew.begin_again(crew.record)
            ledger = read_ledger(info.ledger)
            wait_until(lambda: all_is_kept(state, ledger, rested), timeout=45, message=diary(crew), pause=0.5)
            # Whoever comes after that finds nothing to count again.
            crew.end_all()
            crew.begin_again(crew.record)
            began = time.time()
            wait_until(lambda: min(newest_looks(state)) > began + step, timeout=45, pause=0.5)
            assert all_is_kept(state, ledger, rested)
            kept = read_kept(state, NAMES)
            check_collectors(crew, kept)
            rotated = sum(".jsonl." in each.name for each in (info.directory / "logs").iterdir())
        problems = workload.problems()
        assert not problems, problems
    assert rotated, "no log was rotated"
    late = crew.late()
    stops = sum("SIGSTOP" in line for line in crew.diary)
    return (
        f"{len(ledger)} runs, {len(kept.sessions)} collectors, {len(crew.deaths)} deaths, {stops} stops; "
        f"next after {statistics.median(late):.2f} s (median), {max(late):.2f} s (at most); longest silence "
        f"{crew.longest_silence():.2f} s; {rotated} rotated logs"
    )


def all_is_kept(state: Path, ledger: Sequence[Entry], rested: float) -> bool:
    """AssertionError where something is not as the ledger has it."""
    assert min(newest_looks(state), default=0.0) > rested, "the last look is written"
    kept = read_kept(state, NAMES)
    check_runs(kept, ledger)
    check_sums(kept, ledger)
    return True


def check_collectors(crew: Relay, kept: Kept) -> None:
    check_one_after_another(kept.sessions)
    epochs = [beat.epoch for beat in crew.witness.beats]
    assert epochs == sorted(epochs), "a collector spoke after another had taken its place"
    assert crew.witness.spoilt == []
    late = crew.late()
    assert len(late) >= 3, diary(crew)
    assert max(late) < NOBODY_SECONDS, (late, diary(crew))
    assert statistics.median(late) < SOON_SECONDS, late
    assert crew.longest_silence() < NOBODY_SECONDS, diary(crew)


def diary(crew: Relay) -> str:
    return "\n".join(crew.diary)
