"""What the store answers beside the nouns of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wfmon.model.log import FileMark
from wfmon.model.look import Look, Target
from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Resumed:
    """From where a new collector goes on.

    ``marks``: per log source how far its files are read. ``reached``: target id -> time of its newest
    look, up to which growth is counted. ``looks``: those of a target at a time, oldest first.
    ``known_hours``: the hours that a metrics source vouched for whole.
    """

    marks: Mapping[str, tuple[FileMark, ...]]
    reached: Mapping[str, float]
    looks: Callable[[Target, float], tuple[Look, ...]]
    known_hours: Callable[[str], frozenset[float]]


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch brought. ``points``: rows written, with those that were rolled up."""

    new_runs: int
    corrected_runs: int
    points: int


@dataclass(frozen=True, slots=True)
class Session:
    """A collector that wrote here, from ``begin`` to ``last_seen``."""

    epoch: int
    pid: int
    user: str
    version: str
    begin: float
    last_seen: float
