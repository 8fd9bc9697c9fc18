"""What the host did lately: a short course of samples, for rules that look at slopes."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.record import dataclass, field

Samples = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Kills:
    """``count`` processes were killed by the kernel for want of memory at ``at`` or since the look before;
    ``here``: in the control group of this process."""

    at: float
    count: int
    here: bool = False


@dataclass(frozen=True, slots=True)
class HostCourse:
    """Samples are (POSIX seconds, bytes), oldest first, at most one every few seconds.

    ``rss``: by workflow, also of those that are gone since. ``limited``: of those the ones whose processes
    had a memory limit of their own. ``writes``: bytes per second to storage by workflow, the mean of the
    last minutes, where that may be read.
    """

    available: Samples = ()
    rss: Mapping[str, Samples] = field(default_factory=dict)
    limited: frozenset[str] = frozenset()
    writes: Mapping[str, float] = field(default_factory=dict)
    kills: tuple[Kills, ...] = ()


NO_COURSE = HostCourse()
