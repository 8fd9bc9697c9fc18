"""What workflow processes write, and the memory limits that they run under."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.waiting import wait_until
from wfmon.sources.host.cgroups import MOST_PIDS, REST, Cgroups, read_oom_kills
from wfmon.sources.host.writes import MOST_PIDS as MOST_WRITERS
from wfmon.sources.host.writes import Writes

MIB = 1024**2

WRITER = """
import os, sys
path = sys.argv[1]
for line in sys.stdin:
    with open(path, "ab") as file:
        file.write(os.urandom(int(line)))
        file.flush()
        os.fsync(file.fileno())
    print(flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "out")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield process
        assert process.stdin is not None
        process.stdin.close()


def write(process: subprocess.Popen[str], count: int) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{count}\n")
    process.stdin.flush()
    process.stdout.readline()


def counts_writes(tmp_path: Path) -> bool:
    """Whether the kernel counts what goes to this file system (a tmpfs does not count)."""
    before = _own_write_bytes()
    with (tmp_path / "probe").open("wb") as file:
        file.write(os.urandom(MIB))
        file.flush()
        os.fsync(file.fileno())
    return _own_write_bytes() - before >= MIB


def _own_write_bytes() -> int:
    text = Path("/proc/self/io").read_text()
    return int(text.partition("\nwrite_bytes: ")[2].partition("\n")[0])


def test_a_real_process_that_writes(writer: subprocess.Popen[str], tmp_path: Path) -> None:
    if not counts_writes(tmp_path):
        pytest.skip("this file system is not counted")
    writes = Writes()
    pids = {"w": [writer.pid]}
    assert writes.look(100.0, pids) == {}, "the first look tells nothing"
    assert writes.look(102.0, pids) == {"w": 0.0}
    write(writer, 4 * MIB)
    assert writes.look(104.0, pids)["w"] == pytest.approx(2 * MIB, rel=0.05)
    assert writes.look(106.0, pids) == {"w": 0.0}


def proc(tmp_path: Path, counts: dict[int, int | None]) -> str:
    """As the kernel shows it; None: it may not be read."""
    for pid, count in counts.items():
        folder = tmp_path / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "io").unlink(missing_ok=True)
        if count is not None:
            (folder / "io").write_text(
                f"rchar: 5\nread_bytes: 7\nwrite_bytes: {count}\ncancelled_write_bytes: 9\n"
            )
    return str(tmp_path)


def test_a_child_that_was_waited_for_is_counted_once(tmp_path: Path) -> None:
    """What it wrote goes into its parent's count when it is gone."""
    writes = Writes(proc(tmp_path, {1: 100, 2: 1000}))
    writes.look(0.0, {"w": [1, 2]})
    proc(tmp_path, {1: 100, 2: 5000})
    assert writes.look(1.0, {"w": [1, 2]}) == {"w": 4000.0}
    proc(tmp_path, {1: 5400})
    assert writes.look(2.0, {"w": [1]}) == {"w": 300.0}, "200 more by the child, 100 by the parent"


def test_a_process_that_is_new_here_may_have_written_long_before(tmp_path: Path) -> None:
    writes = Writes(proc(tmp_path, {1: 100, 2: 10**12}))
    writes.look(0.0, {"w": [1]})
    assert writes.look(1.0, {"w": [1, 2]}) == {"w": 0.0}
    proc(tmp_path, {2: 10**12 + 50})
    assert writes.look(2.0, {"w": [1, 2]}) == {"w": 50.0}
    assert writes.look(3.0, {"w": [1]}) == {"w": 0.0}, "nobody waited for it: it takes nothing away"


def test_what_may_not_be_read_is_unknown(tmp_path: Path) -> None:
    writes = Writes(proc(tmp_path, {1: 100, 2: None}))
    writes.look(0.0, {"w": [1, 2], "v": [1]})
    assert writes.look(1.0, {"w": [1, 2], "v": [1]}) == {"v": 0.0}
    (tmp_path / "1" / "io").write_text("write_bytes: soon\n")
    assert writes.look(2.0, {"v": [1]}) == {}
    many = {"w": list(range(MOST_WRITERS + 1))}
    assert writes.look(3.0, many) == {}


def v2(tmp_path: Path, limits: dict[str, tuple[str, int, int]], kills: int = 0) -> tuple[str, str]:
    """A hierarchy of version 2: by path the limit, the usage and the cache; every group is of process 7."""
    root = tmp_path / "cgroup"
    for path, (limit, usage, cache) in limits.items():
        folder = root / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{usage}\n")
        (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cache}\n")
        (folder / "memory.events").write_text(f"low 0\noom 4\noom_kill {kills}\n")
    for pid in ("7", "self"):
        (tmp_path / "proc" / pid).mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / pid / "cgroup").write_text(f"0::/{max(limits, key=len)}\n")
    return str(tmp_path / "proc"), str(root)


def test_the_nearest_limit_counts_without_what_is_given_back(tmp_path: Path) -> None:
    limits = {"a": ("4000", 3500, 300), "a/b": ("max", 900, 0), "a/b/c": ("1000", 900, 500)}
    now = [0.0]
    groups = Cgroups(lambda: now[0], *v2(tmp_path, limits, kills=3))
    assert groups.room([7]) == 600
    assert groups.kills() == 3
    v2(tmp_path, {**limits, "a": ("4000", 3900, 300)})
    assert groups.room([7]) == 600, "looked at a moment ago"
    now[0] = REST
    assert groups.room([7]) == 400
    assert groups.kills() == 0
    v2(tmp_path, dict.fromkeys(limits, ("max", 5, 0)))
    now[0] = 2 * REST
    assert groups.room([7]) is None


def test_version_one_says_it_with_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "cgroup" / "memory" / "a"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("1000\n")
    (folder.parent / "memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    (folder / "memory.usage_in_bytes").write_text("700\n")
    (folder / "memory.stat").write_text("cache 9\ntotal_inactive_file 100\n")
    (folder / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    for pid in ("7", "self"):
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "cgroup").write_text("5:cpu,cpuacct:/x\n4:memory:/a\n0::/y\n")
    groups = Cgroups(time.monotonic, str(tmp_path / "proc"), str(tmp_path / "cgroup"))
    assert (groups.room([7]), groups.kills()) == (400, 2)


@pytest.mark.parametrize(
    "text", ["", "0::/../../elsewhere\n", "nonsense\n", "1:name=systemd:/a\n", "0::/a\n"]
)
def test_what_is_not_there_is_unknown(tmp_path: Path, text: str) -> None:
    for pid in ("7", "self"):
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "cgroup").write_text(text)
    groups = Cgroups(time.monotonic, str(tmp_path / "proc"), str(tmp_path / "cgroup"))
    assert (groups.room([7, 8, *range(100, 100 + MOST_PIDS)]), groups.kills()) == (None, None)


def test_the_real_kernel_answers_or_says_nothing(tmp_path: Path) -> None:
    groups = Cgroups(time.monotonic)
    for told in (groups.room([os.getpid()]), groups.kills(), read_oom_kills()):
        assert told is None or told >= 0
    counted = Path("/proc/vmstat").read_text().partition("\noom_kill ")[2]
    if counted:
        wait_until(lambda: read_oom_kills() == _oom_kills(), message="the same moment")
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 1\noom_kill 17\n")
    assert read_oom_kills(str(vmstat)) == 17
    vmstat.write_text("nr_free_pages 1\n")
    assert read_oom_kills(str(vmstat)) is None
    assert read_oom_kills(str(tmp_path / "nothing")) is None


def _oom_kills() -> int:
    return int(Path("/proc/vmstat").read_text().partition("\noom_kill ")[2].partition("\n")[0])
