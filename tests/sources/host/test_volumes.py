"""File systems as volumes."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest

from support.waiting import wait_until
from wfmon.config.schema import Size, Storage, StorageDir
from wfmon.model.host import Volume
from wfmon.sources.host import volumes
from wfmon.sources.host.volumes import Mount, Volumes, holding, measured, real

MIB = 1 << 20


@pytest.fixture
def etc_hosts(tmp_path: Path) -> str:
    (tmp_path / "hosts").touch()
    return str(tmp_path / "hosts")


def test_only_real_file_systems_each_once(tmp_path: Path, etc_hosts: str) -> None:
    data = str(tmp_path)
    found: list[Mount] = [
        ("/proc", "proc", "proc"),
        ("/run", "tmpfs", "tmpfs"),
        (etc_hosts, "/dev/sdb1", "ext4"),
        (data, "/dev/sdb1", "ext4"),
        ("/", "/dev/sda1", "ext4"),
        ("/var/lib/docker/overlay2/x/merged", "overlay", "overlay"),
        ("/home", "/dev/sda1", "ext4"),
        ("/snap/core", "/dev/loop0", "squashfs"),
        ("/mnt/files", "server:/files", "nfs4"),
    ]
    assert real(found) == [found[4], found[8], found[3]]


def test_the_root_of_a_container_stays() -> None:
    assert real([("/", "overlay", "overlay"), ("/proc", "proc", "proc")]) == [("/", "overlay", "overlay")]
    assert real([("/", "tmpfs", "tmpfs")]) == []


def test_used_ratio_is_what_df_says() -> None:
    told = subprocess.run(
        ["df", "-B1", "--output=used,avail,size,iused,itotal", "/"],
        capture_output=True,
        text=True,
        check=True,
    )
    used, avail, size, inodes, all_inodes = map(float, told.stdout.splitlines()[1].replace("-", "0").split())
    volume = measured(("/", "disk", "ext4"))
    assert volume.total_bytes == size
    assert volume.used_ratio == pytest.approx(used / (used + avail), rel=0.01)
    assert volume.free_bytes == pytest.approx(avail, rel=0.01)
    if all_inodes:
        assert volume.inodes_used_ratio == pytest.approx(inodes / all_inodes, rel=0.01)


def test_asked_for_mounts_are_shown_and_missing_ones_say_so(tmp_path: Path) -> None:
    watch = Volumes(Storage(mounts=[str(tmp_path), "/no/such/place"], dir=[]), time.monotonic)
    watch.refresh()
    here, missing = watch.read()
    assert here.path == str(tmp_path)
    assert here.total_bytes
    assert missing == Volume(
        "/no/such/place",
        missing.device,
        "/no/such/place",
        None,
        None,
        None,
        error="No such file or directory",
    )


def test_holding_finds_the_nearest_mount() -> None:
    found: list[Mount] = [("/", "a", "ext4"), ("/var", "b", "xfs"), ("/varnish", "c", "xfs")]
    assert holding("/var/lib/wf", found) == ("/var/lib/wf", "b", "xfs")
    assert holding("/var", found) == ("/var", "b", "xfs")
    assert holding("/usr", found) == ("/usr", "a", "ext4")


def test_a_directory_with_a_limit_is_a_volume(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"x" * 9 * MIB)
    watch = Volumes(
        Storage(mounts=[], dir=[StorageDir(path=str(tmp_path), limit=Size(10 * MIB))]), time.monotonic
    )
    volume = wait_until(lambda: [v for v in watch.read() if v.used_ratio is not None])[0]
    assert volume.limit
    assert volume.total_bytes == 10 * MIB
    assert volume.used_ratio == pytest.approx(0.9, abs=0.02)
    assert volume.free_bytes == pytest.approx(MIB, abs=200_000)
    (tmp_path / "more").write_bytes(b"x" * 3 * MIB)
    over = wait_until(lambda: [v for v in watch.read() if (v.used_ratio or 0) > 1])[0]
    assert over.free_bytes == 0


def test_hostile_names_become_safe(tmp_path: Path) -> None:
    evil = tmp_path / "a\x1b[31m\nb\udcff"
    evil.mkdir()
    watch = Volumes(Storage(mounts=[], dir=[StorageDir(path=str(evil), limit=Size(MIB))]), time.monotonic)
    (volume,) = watch.read()
    assert all(character.isprintable() for character in volume.path + volume.mount)
    volume.path.encode("utf-8")


def test_a_dead_file_server_takes_nothing_else_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()

    def stuck(mount: Mount) -> Volume:
        if mount[2] == "nfs4":
            answers.wait(60)
        return Volume(mount[0], mount[1], mount[0], 100, 50, 0.5)

    monkeypatch.setattr(volumes, "measured", stuck)
    monkeypatch.setattr(volumes, "mounts", lambda: [("/", "/dev/a", "ext4"), ("/mnt", "srv:/x", "nfs4")])
    watch = Volumes(Storage(mounts=[], dir=[]), time.monotonic)
    watch.refresh()
    local, remote = watch.read()
    assert local.used_ratio == 0.5
    assert (remote.used_ratio, remote.error) == (None, "does not answer")
    threads = threading.active_count()
    for _ in range(5):
        watch.read()
    assert threading.active_count() == threads, "a hung server is asked once at a time"
    answers.set()
    wait_until(lambda: watch.read()[1].used_ratio == 0.5)
