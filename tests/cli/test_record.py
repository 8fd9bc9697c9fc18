"""What ``record`` says on standard error."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from support import snapshots
from wfmon.cli.record import Teller
from wfmon.model.snapshot import Collector, Snapshot
from wfmon.model.source import SourceState


def said(teller: Teller, snapshot: Snapshot) -> list[str]:
    """Without the clocks."""
    return [line.partition(" ")[2] for line in teller.news(snapshot)]


def test_a_role_and_a_level_are_told_when_they_change_and_only_then() -> None:
    teller = Teller(UTC)
    mine = Collector(7, "svc")
    assert teller.role(mine) == "collecting (pid 7)"
    bad = replace(snapshots.incident(), collector=mine)
    assert said(teller, bad) == [f"critical: {bad.verdict.text}"]
    assert said(teller, bad) == []
    fine = replace(snapshots.all_fine(), collector=Collector(9, "ann", False))
    assert said(teller, fine) == ["standing by: ann (pid 9) collects", f"ok: {fine.verdict.text}"]
    alone = replace(fine, collector=Collector(7, "svc", alone="nowhere is not writable"))
    assert said(teller, alone) == ["alone, nothing is kept or shared: nowhere is not writable"]


def test_a_level_that_is_not_yet_known_is_not_told() -> None:
    teller = Teller(UTC)
    start = replace(snapshots.incident(), collector=Collector(7, "svc"))
    teller.role(start.collector)
    waiting = replace(start.sources[0], state=SourceState.WAITING)
    assert said(teller, replace(start, sources=(waiting, *start.sources[1:]))) == []


def test_what_cannot_be_kept_is_told() -> None:
    teller = Teller(UTC)
    start = replace(snapshots.incident(), collector=Collector(7, "svc"))
    teller.role(start.collector)
    teller.news(start)
    assert said(teller, replace(start, store_problem="disk full")) == ["problem: disk full"]
    assert said(teller, start) == ["kept and shared again"]


def test_a_history_that_is_not_kept_is_told_by_who_collects() -> None:
    teller = Teller(UTC)
    start = replace(snapshots.incident(), collector=Collector(7, "svc"))
    assert start.history is not None
    teller.role(start.collector)
    teller.news(start)
    full = replace(start, history=replace(start.history, problem="disk full"))
    assert said(teller, full) == ["history is not kept: disk full"]
    assert said(teller, full) == []
    assert said(teller, start) == ["history is kept again"]
    noted = replace(start, history=replace(start.history, notes=("history.db was corrupt",)))
    assert said(teller, noted) == ["history: history.db was corrupt"]
    assert said(teller, noted) == []
    reader = Teller(UTC)
    theirs = replace(full, collector=Collector(9, "ann", False))
    reader.role(theirs.collector)
    assert "history is not kept: disk full" not in said(reader, theirs)
