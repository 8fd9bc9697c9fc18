"""What is kept of the past: points at fixed distances, sums per hour, states, and what changed."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from wfmon.model.log import FileMark
from wfmon.model.look import Look, Target
from wfmon.model.record import dataclass, field
from wfmon.model.run import Run
from wfmon.model.source import SourceStatus

if TYPE_CHECKING:
    from wfmon.model.spend import SpendSum


class Kind(StrEnum):
    """What a point tells of. The subject of TOTAL and HOST is the empty text, of MODEL
    ``provider/model`` (either may be empty), of VOLUME the mount, of LOGS the log set (``Kept.subject``)."""

    TOTAL = "total"
    WORKFLOW = "workflow"
    MODEL = "model"
    HOST = "host"
    VOLUME = "volume"
    LOGS = "logs"


# Columns of each kind. Of points that are joined to a coarser one, LEVELS are averaged over those that
# are known, of LAST the newest known one stays, SUMS are added.
LEVELS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TOTAL: (
        "active", "n", "failed", "runs_per_minute", "retries", "duration_p50", "duration_p95",
        "tokens_per_minute", "cost_per_hour", "calls_per_minute",
    ),
    Kind.WORKFLOW: (
        "active", "n", "failed", "runs_per_minute", "retries", "duration_p50", "duration_p95",
        "tokens_per_minute", "cost_per_hour", "calls_per_minute", "rss_bytes",
    ),
    Kind.MODEL: ("tokens_per_minute", "cost_per_hour"),
    Kind.HOST: (
        "memory_total", "memory_available", "swap_total", "swap_used", "cpu_ratio", "load1", "psi_memory",
    ),
    Kind.VOLUME: ("total_bytes", "free_bytes", "used_ratio", "inodes_used_ratio"),
    Kind.LOGS: ("bytes",),
}  # fmt: skip
LAST: Mapping[Kind, tuple[str, ...]] = {
    Kind.TOTAL: ("window", "cost_truth"),
    Kind.WORKFLOW: ("window", "last_run_age", "last_failed", "cost_truth"),
    Kind.MODEL: (),
    Kind.HOST: ("cpus",),
    Kind.VOLUME: ("limit",),
    Kind.LOGS: ("oldest_age",),
}
SUMS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TOTAL: (),
    Kind.WORKFLOW: ("runs", "failures", "tokens", "cost_usd"),
    Kind.MODEL: ("tokens", "cost_usd"),
    Kind.HOST: (),
    Kind.VOLUME: (),
    Kind.LOGS: (),
}


def columns(kind: Kind) -> tuple[str, ...]:
    """All columns of a kind, in the order in which they are stored."""
    return (*LEVELS[kind], *LAST[kind], *SUMS[kind])


@dataclass(frozen=True, slots=True)
class Table:
    """One row per subject. A column is an ``array('f')`` as long as ``subjects``; NaN is not known."""

    subjects: tuple[str, ...]
    values: Mapping[str, array[float]]

    def get(self, subject: str, column: str) -> float | None:
        """None where the subject, the column or the value is not known."""
        try:
            index = self.subjects.index(subject)
        except ValueError:
            return None
        return self.at(index, column)

    def at(self, index: int, column: str) -> float | None:
        values = self.values.get(column)
        if values is None or math.isnan(values[index]):
            return None
        return values[index]


@dataclass(frozen=True, slots=True)
class Point:
    """What was seen in the ``seconds`` from ``at`` (POSIX seconds, a multiple of ``seconds``) on.

    Figures are those that the screen showed: rates and ratios over their own windows. SUMS are in
    points of an hour only.
    """

    at: float
    seconds: float
    tables: Mapping[Kind, Table]

    def get(self, kind: Kind, subject: str, column: str) -> float | None:
        table = self.tables.get(kind)
        return None if table is None else table.get(subject, column)


class Role(StrEnum):
    """Where sums come from: finished runs in logs, or growth of counters. They are never added up."""

    LOGS = "logs"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class HourSum:
    """What one source counted of one subject in the hour that begins at ``at`` (a multiple of 3600).

    None: the source does not tell. ``runs``: success + error + timeout + lost; ``failures``: all of
    those but success. ``profile``: of MODEL, as which profile the source was read, while that is to be
    judged; it is not kept.
    """

    at: float
    kind: Kind
    subject: str
    source: str
    role: Role
    runs: float | None = None
    failures: float | None = None
    tokens: float | None = None
    cost_usd: float | None = None
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """``source`` was read without a gap from ``begin`` to ``end``: what is not in its sums was zero."""

    source: str
    role: Role
    begin: float
    end: float


class ChangeKind(StrEnum):
    RESTART = "restart"
    VERSION = "version"
    CONFIG = "config"
    RESET = "reset"
    COLLECTOR = "collector"
    NORMAL = "normal"  # somebody accepted a new normal


@dataclass(frozen=True, slots=True)
class Change:
    """Something that may explain what followed. ``text`` is one safe line: ``pid 412 → 977``.

    ``subject``: the workflow, target or file that it is about.
    """

    at: float
    kind: ChangeKind
    subject: str
    text: str
    workflow: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one flush brings to the store, all or nothing.

    ``points`` are new points of the finest distance; ``runs`` finished runs that are new or were
    corrected (told apart by the store: one that it knows is not counted again). ``grown`` is added to
    the sums of hours, ``hours`` replaces them (a Prometheus says the whole hour). ``states`` are sources
    whose state changed. ``marks``: per log source how far its files are read. ``looks``: per target the
    last look whose growth is in ``grown``. ``spent`` is added to what was used and spent in an hour,
    ``spent_hours`` replaces what its source told of it; what runs in logs used follows from ``runs``.
    """

    at: float
    points: tuple[Point, ...] = ()
    runs: tuple[Run, ...] = ()
    grown: tuple[HourSum, ...] = ()
    hours: tuple[HourSum, ...] = ()
    watched: tuple[Watched, ...] = ()
    states: tuple[SourceStatus, ...] = ()
    changes: tuple[Change, ...] = ()
    marks: Mapping[str, tuple[FileMark, ...]] = field(default_factory=dict)
    looks: tuple[tuple[Target, Look], ...] = ()
    spent: tuple[SpendSum, ...] = ()
    spent_hours: tuple[SpendSum, ...] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """Points ``seconds`` apart, kept for ``keep`` seconds."""

    seconds: float
    keep: float


@dataclass(frozen=True, slots=True)
class HistoryStatus:
    """The store as the sources screen tells it. Sizes in bytes. ``problem``: why nothing is kept now;
    ``notes``: what else a person should know of the file. ``oldest``: the first moment that is known.
    ``tiers``: which points are kept for how long, the finest first."""

    path: str
    size_bytes: int | None = None
    limit_bytes: int | None = None
    oldest: float | None = None
    newest: float | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()
