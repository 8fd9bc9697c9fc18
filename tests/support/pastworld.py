"""A past to travel in: an incident from 13:50 to 13:57 with a quiet time before it, kept for a day."""

from __future__ import annotations

from dataclasses import replace

from support.screen import FakeMemory, Stage
from support.snapshots import NOW, all_fine, incident
from wfmon.analysis.shown import told
from wfmon.model.alert import Alert, Severity
from wfmon.model.episode import EndedEpisode, EpisodeRecord
from wfmon.model.history import Change, ChangeKind
from wfmon.model.past import Ended
from wfmon.model.snapshot import Level, Snapshot, Verdict

BEGAN, ENDED = NOW - 760, NOW - 370
FIRST, LAST = NOW - 86_400, NOW - 10
GAP = (NOW - 7_200, NOW - 3_600, "no collector ran 12:03–13:03")
ID = "d1b2c3d4e5f6"


def record(
    episode_id: str, rule: str, workflow: str, began: float, ended: float, **fields: object
) -> EpisodeRecord:
    made = EpisodeRecord(
        episode_id, rule, (("workflow", workflow),), Severity.CRITICAL, f"words of {rule}", began, False,
        ended, ended, workflow,
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def over() -> Ended:
    """Three episodes, newest end first, and changes before two of them."""
    mail = record(
        ID, "failure_rate", "email_triage", BEGAN, ENDED, value=0.0, threshold=0.05, peak=0.32, n=25, failed=8
    )
    spike = record(
        "e2", "cost_spike", "research_agent", NOW - 30_000, NOW - 29_000, unit="usd_per_hour", peak=4.2,
        severity=Severity.WARNING,
    )  # fmt: skip
    old = record("e3", "failure_rate", "invoice_extract", NOW - 200_000, NOW - 190_000, peak=0.5, n=1_250)
    return Ended(
        (
            EndedEpisode(mail),
            EndedEpisode(spike, ("ann from 10.0.0.7", "joe")),
            EndedEpisode(old, ("joe",)),
        ),
        (
            Change(NOW - 900, ChangeKind.VERSION, "email_triage", "1.4.2 → 1.5.0", "email_triage"),
            Change(NOW - 1_900, ChangeKind.RESTART, "email_triage", "pid 412 → 977", "email_triage"),
            Change(NOW - 2_000, ChangeKind.RESTART, "research_agent", "pid 5 → 6", "research_agent"),
            Change(NOW - 201_000, ChangeKind.CONFIG, "/etc/wf/invoice.toml", "changed"),
        ),
    )


def ended_alert() -> Alert:
    return told(over().episodes[0])


def seen_at(at: float) -> Snapshot:
    """The screen of that time: the incident while it lasted, else a quiet one."""
    quiet = replace(all_fine(at), alerts=(), ended=(), verdict=Verdict(Level.OK, "all was normal then"))
    if not BEGAN <= at < ENDED:
        return quiet
    then = incident(at)
    labels = (("workflow", "email_triage"),)
    alert = replace(then.alerts[0], id=ID, workflow="email_triage", labels=labels, since=BEGAN, runbook=None)
    verdict = Verdict(Level.CRITICAL, "email_triage failed then", ID)
    return replace(then, alerts=(alert,), ended=(), verdict=verdict)


def remembering() -> FakeMemory:
    memory = FakeMemory(FIRST, LAST)
    memory.moments, memory.gaps, memory.over = seen_at, [GAP], over()
    return memory


def staged(
    snapshot: Snapshot | None = None, *, size: tuple[int, int] = (80, 24), read_only: bool = False
) -> tuple[Stage, FakeMemory]:
    """The start screen, with everything fine now, over that past."""
    stage = Stage(snapshot or live(), size=size, read_only=read_only)
    memory = remembering()
    stage.doors.memory = memory
    return stage, memory


def live(now: float = NOW) -> Snapshot:
    return replace(all_fine(now), alerts=(), ended=(ended_alert(),))
