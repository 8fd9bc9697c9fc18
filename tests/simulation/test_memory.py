"""What the forecasts of rule ``memory`` cost and give: a leak, a garbage collector, a workflow that grows."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from simulation.shipped import SHIPPED
from simulation.table import Row, show
from wfmon.analysis.episodes import EpisodeMemory, advance
from wfmon.analysis.rules import memory
from wfmon.model.host import HostSample, Memory, WorkflowProcesses
from wfmon.monitor.course import CourseKeeper

G = 1024.0**3
TOTAL = 64 * G
STEP = 20.0
HOUR = 3600.0
START = 1_800_000_000.0
EPISODES = SHIPPED.episodes
SETTINGS = SHIPPED.memory
Firing = list[tuple[float, bool]]


def states(seed: int, hours: float, available: Callable[[float], float], *, grows: bool = False) -> Firing:
    """Whether an alert is open, every 20 s. ``available``: bytes by the seconds since the start, told with a
    noise of 100 M; where it ``grows``, what is gone is in a workflow."""
    noise, keeper, episodes, found = random.Random(seed), CourseKeeper(), EpisodeMemory(), []
    for number in range(int(hours * HOUR / STEP)):
        now = START + number * STEP
        left = min(TOTAL, max(0.0, available(number * STEP) + noise.gauss(0, 0.1 * G)))
        mine = (WorkflowProcesses("w", int(TOTAL - left), None, 1),) if grows else ()
        host = HostSample(now, None, None, None, 0.0, Memory(int(TOTAL), int(left)), None, mine, (), 0, 0)
        findings = memory.evaluate(host, SETTINGS, now, keeper.take(host))
        episodes = advance(episodes, findings, now, EPISODES)
        found.append((now - START, any(each.firing for each in episodes.episodes.values())))
    return found


def begins(found: Firing) -> int:
    return sum(not one and other for (_, one), (_, other) in pairwise(found))


def naive(available: Callable[[float], float], hours: float) -> int:
    """How often the change over 30 min begins to say: nothing left within 2 h."""
    count, before = 0, False
    for number in range(90, int(hours * HOUR / STEP)):
        lost, left = available((number - 90) * STEP) - available(number * STEP), available(number * STEP)
        firing = lost > 0 and left / lost * 0.5 < 2
        count += firing and not before
        before = firing
    return count


def test_a_garbage_collector_is_no_leak() -> None:
    """What is available falls from 22 G to 12 G and comes back, every 10, 25 or 45 minutes."""
    loud = quiet = 0
    hours = 12.0
    for minutes in (10.0, 25.0, 45.0):

        def tooth(at: float, period: float = minutes * 60.0) -> float:
            return 22 * G - 10 * G * (at % period) / period

        # The first tooth may look like a leak: nobody has seen it come back.
        quiet += begins([each for each in states(1, hours, tooth) if each[0] > 2 * HOUR])
        loud += naive(tooth, hours)
    months = 3 * hours / 24 / 30
    show(Row("memory", "sawtooth of a garbage collector, 10, 25, 45 min", loud / months, quiet / months))
    assert quiet == 0
    assert loud >= 10


def test_a_leak_is_told_before_memory_is_short() -> None:
    """4 G an hour from 30 G free on, while something else works with 1 G every quarter of an hour."""
    ahead, cleared = [], []
    for seed in range(4):

        def leak(at: float) -> float:
            swing = 1 * G * ((at % 900.0) / 900.0)
            return (30 * G if at < 7 * HOUR else 60 * G) - swing - 4 * G * (at if at < 7 * HOUR else 0) / HOUR

        found = states(seed, 9, leak)
        ahead.append((7.5 * HOUR - next(at for at, firing in found if firing)) / 60)
        cleared.append((next(at for at, firing in found if at > 7 * HOUR and not firing) - 7 * HOUR) / 60)
        assert begins(found) == 1
    row = show(
        Row(
            "memory", f"leak of 4 G an hour: warned {median(ahead):.0f} min before none is left",
            None, None, None, median(cleared),
        )
    )  # fmt: skip
    assert min(ahead) >= 75
    assert row.clear is not None
    assert row.clear <= 30


def test_a_workflow_that_takes_all_is_told_at_once() -> None:
    """2 G a minute from 55 G free on: 40 % are still free when it is told."""
    detected = []
    for seed in range(4):
        found = states(seed, 1.5, lambda at: 55 * G - 2 * G * max(0.0, at - HOUR) / 60, grows=True)
        detected.append((next(at for at, firing in found if firing) - HOUR) / 60)
    row = show(Row("memory", "a workflow that grows by 2 G a minute on 55 G", None, None, median(detected)))
    assert row.detect is not None
    assert row.detect <= 20
