"""What is a restart and what is a process of a run: time is an argument, processes are made up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.waiting import wait_until
from wfmon.config.schema import Duration, Host, Storage, Workflow
from wfmon.model.history import Change, ChangeKind
from wfmon.sources.host import HostSource, processes, restarts
from wfmon.sources.host.restarts import Member, Restarts

START = 1_800_000_000.0
SCAN = 10.0


def member(pid: int, born: float, *command: str, workflow: str = "w") -> Member:
    return Member(pid, START + born, workflow, command or ("python", "worker.py"))


def changes(*steps: tuple[float, Sequence[Member]]) -> list[Change]:
    """What is told when at each time these processes are there."""
    looked = Restarts()
    return [change for at, members in steps for change in looked.look(START + at, members)]


def test_another_process_with_the_same_command() -> None:
    told = changes((0, [member(412, -5000)]), (10, [member(412, -5000)]), (20, [member(977, 14)]))
    assert told == [Change(START + 14, ChangeKind.RESTART, "w", "pid 412 → 977", "w")]


def test_the_first_look_tells_nothing() -> None:
    assert changes((0, [member(412, -5000), member(413, -1)])) == []


def test_it_is_told_once() -> None:
    old, new = member(412, -5000), member(977, 14)
    assert len(changes((0, [old]), (20, [new]), (30, [new]), (40, [new]))) == 1


def test_the_new_one_may_come_first_or_later() -> None:
    old = member(412, -5000)
    assert len(changes((0, [old]), (10, [old, member(977, 5)]), (20, [member(977, 5)]))) == 1
    assert len(changes((0, [old]), (10, []), (20, []), (400, [member(977, 395)]))) == 1


@pytest.mark.parametrize(
    "later",
    [
        [member(977, 14, "python", "other.py")],
        [member(977, 14, workflow="v")],
        [member(413, -5000)],
        [],
    ],
)
def test_what_is_no_restart(later: list[Member]) -> None:
    peer = [member(413, -5000)] if later and later[0].pid == 413 else []
    assert changes((0, [member(412, -5000), *peer]), (20, later), (30, later)) == []


def test_processes_of_runs_are_no_restarts() -> None:
    """One after the other, each as long as a run of less than a minute."""
    steps = [(n * SCAN, [member(1000 + n // 3, n // 3 * 30.0)]) for n in range(100)]
    assert changes(*steps) == []


def test_a_job_of_each_hour_is_no_restart() -> None:
    steps: list[tuple[float, list[Member]]] = []
    for hour in range(48):
        steps += [(hour * 3600 + n * SCAN, [member(1000 + hour, hour * 3600.0)]) for n in range(60)]
        steps += [(hour * 3600 + n * SCAN, []) for n in range(60, 360)]
    assert changes(*steps) == []


def test_a_loop_of_long_runs_is_told_a_few_times_at_most() -> None:
    steps = [(n * SCAN, [member(1000 + n // 30, n // 30 * 300.0)]) for n in range(1000)]
    assert len(changes(*steps)) == restarts.ENDS_A_DAY


def test_four_workers_one_after_the_other() -> None:
    old = [member(100 + n, -9000 - n) for n in range(4)]
    steps = [(n * SCAN, [*[member(200 + k, k * SCAN - 1) for k in range(n)], *old[n:]]) for n in range(5)]
    told = [change.text for change in changes(*steps)]
    assert told[:3] == ["pid 100 → 200", "pid 101 → 201", "pid 102 → 202"]


def test_texts_are_safe() -> None:
    told = changes((0, [member(1, -500, workflow="\x1b[31mw")]), (9, [member(2, 5, workflow="\x1b[31mw")]))
    assert "\x1b" not in repr(told)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(0, 5000), st.floats(1, 5000), st.sampled_from("ab")),
        max_size=30,
    )
)
def test_a_process_takes_one_place_and_follows_a_long_life(
    lives: list[tuple[int, float, float, str]],
) -> None:
    lived_until = [
        (member(100 + number, born, command), born + lived)
        for number, (_, born, lived, command) in enumerate(lives)
    ]
    times = [n * 50.0 for n in range(220)]
    told = changes(*[(at, [m for m, end in lived_until if m.born - START <= at < end]) for at in times])
    ends = [change.text.rpartition(" ")[2] for change in told]
    begins = [change.text.split()[1] for change in told]
    assert len(set(ends)) == len(ends)
    assert len(set(begins)) == len(begins)
    lived = {str(m.pid): START + end - m.born for m, end in lived_until}
    assert all(lived[pid] >= restarts.LONG_LIFE for pid in begins)


HOST = Host(enabled=True, interval=Duration(2), scan_interval=Duration(0))


def test_real_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "LONG_LIFE", 0.0)
    monkeypatch.setattr(processes, "SETTLE", -1.0)
    script = tmp_path / "service.py"
    script.write_text("import sys; print(flush=True); sys.stdin.read()\n")
    config = tmp_path / "settings.toml"
    config.write_text("a = 1\n")

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "service.py", "--config=settings.toml", str(tmp_path)]
        child = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        return child

    workflow = Workflow(name="w", match=[str(tmp_path)])
    host = HostSource([workflow], Storage(mounts=[], dir=[]), HOST)
    told: list[Change] = []

    def polled() -> bool:
        told.extend(host.poll(time.time()).changes)
        return True

    def looked() -> bool:
        polled()
        return {str(config), str(script)} <= host._config_files._known.keys()

    first = start()
    try:
        wait_until(looked)
        assert told == []
        config.write_text("a = 22\n")
        wait_until(lambda: polled() and len(told) == 1)
        assert (told[0].kind, told[0].subject, told[0].workflow) == (ChangeKind.CONFIG, str(config), "w")
        assert told[0].text == f"{config} changed"
        script.write_text(script.read_text() + "# new\n")
        wait_until(lambda: polled() and len(told) == 2)
        assert (told[1].kind, told[1].subject) == (ChangeKind.VERSION, str(script))
        first.kill()  # and nobody reaps it yet: a zombie has ended
        second = start()
        try:
            wait_until(lambda: polled() and len(told) == 3)
            assert told[2].text == f"pid {first.pid} → {second.pid}"
        finally:
            second.kill()
            second.communicate()
    finally:
        first.kill()
        first.communicate()
    before = len(told)
    polled(), polled(), polled()
    assert len(told) == before
