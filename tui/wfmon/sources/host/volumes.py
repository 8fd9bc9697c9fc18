"""File systems and directories with limits, as volumes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from wfmon.config.schema import Storage
from wfmon.model.host import Volume
from wfmon.sources.host.walk import TreeWalk
from wfmon.text.sanitize import safe

WALK_BUDGET = 0.008  # seconds a poll spends on all directories with limits together
REMOTE_WAIT = 0.2  # seconds a poll waits for a remote file system

# Kernel interfaces, memory, images and automounters: nothing there fills up as a disk does.
UNREAL = frozenset(
    """
    autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devfs devpts devtmpfs efivarfs erofs fdescfs
    fuse.gvfsd-fuse fuse.lxcfs fuse.portal fusectl hugetlbfs iso9660 linprocfs mqueue nsfs nullfs
    overlay proc procfs pstore ramfs rootfs rpc_pipefs securityfs selinuxfs squashfs sysfs tmpfs tracefs
    udf
    """.split()  # noqa: SIM905
)
REMOTE = ("nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "lustre", "afs", "fuse.")

Mount = tuple[str, str, str]  # path, device, type


class Volumes:
    """``refresh`` looks for mounts again; ``read`` measures what is known."""

    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._wanted = [os.path.expanduser(path) for path in storage.mounts]
        self._limits = [(os.path.expanduser(entry.path), int(entry.limit)) for entry in storage.dir]
        self._walks = [TreeWalk(path, clock) for path, _ in self._limits]
        self._mounts: list[Mount] = []
        self._remote: dict[str, RemoteProbe] = {}

    def refresh(self) -> None:
        found = mounts()
        if self._wanted:
            self._mounts = [holding(path, found) for path in self._wanted]
        else:
            self._mounts = real(found)

    def read(self) -> tuple[Volume, ...]:
        measures = [self._measure(mount) for mount in self._mounts]
        volumes = [volume for volume in measures if volume.total_bytes != 0 or self._wanted]
        for walk, (path, limit) in zip(self._walks, self._limits, strict=True):
            walk.advance(WALK_BUDGET / len(self._walks))
            volumes.append(directory_volume(walk, path, limit))
        return tuple(volumes)

    def _measure(self, mount: Mount) -> Volume:
        path, _, kind = mount
        if not kind.startswith(REMOTE):
            return measured(mount)
        # A dead file server blocks statvfs for ever and must not take memory and load with it.
        probe = self._remote.get(path)
        if probe is None:
            probe = self._remote[path] = RemoteProbe(mount)
        volume = probe.answer(REMOTE_WAIT)
        if probe.ended:
            del self._remote[path]
        return volume


class RemoteProbe:
    """One measurement of one mount in a thread of its own, which may never end."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount
        self._volume: Volume | None = None
        self._thread = threading.Thread(target=self._run, name="wfmon-statvfs", daemon=True)
        self._waited = False
        self._thread.start()

    def _run(self) -> None:
        self._volume = measured(self._mount)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def answer(self, wait: float) -> Volume:
        if not self._waited:
            self._thread.join(wait)
            self._waited = True
        return self._volume or unknown(self._mount, "does not answer")


def mounts() -> list[Mount]:
    """Every writable mount with its device and type; raw text."""
    import psutil

    found: list[Mount] = []
    for part in psutil.disk_partitions(all=True):
        if "ro" not in part.opts.split(","):
            found.append((part.mountpoint, part.device, part.fstype))
    return found


def real(found: Sequence[Mount]) -> list[Mount]:
    """File systems that can fill up, each once (its shortest mount path).

    A root that is an overlay (a container) stays: it is the disk that this host's people see.
    """
    best: dict[str, Mount] = {}
    for mount in found:
        path, device, kind = mount
        if path != "/" and (kind in UNREAL or is_file(mount)):
            continue
        if path == "/" and kind in UNREAL and kind != "overlay":
            continue
        known = best.get(device)
        if known is None or len(path) < len(known[0]):
            best[device] = mount
    return sorted(best.values())


def is_file(mount: Mount) -> bool:
    """Containers mount single files (/etc/hosts) from the disk below; those are no volumes."""
    path, _, kind = mount
    return not kind.startswith(REMOTE) and not os.path.isdir(path)


def holding(path: str, found: Sequence[Mount]) -> Mount:
    """The mount that ``path`` lies on, under the name that was asked for."""
    target = os.path.join(path, "")
    above = [mount for mount in found if target.startswith(os.path.join(mount[0], ""))]
    _, device, kind = max(above, key=lambda mount: len(mount[0]), default=("", "", ""))
    return path, device, kind


def measured(mount: Mount) -> Volume:
    path, device, _ = mount
    try:
        stats = os.statvfs(path)
    except OSError as problem:
        return unknown(mount, problem.strerror or str(problem))
    used = stats.f_blocks - stats.f_bfree
    usable = used + stats.f_bavail
    return Volume(
        mount=safe(path),
        device=safe(device) or None,
        path=safe(path),
        total_bytes=stats.f_blocks * stats.f_frsize,
        free_bytes=stats.f_bavail * stats.f_frsize,
        used_ratio=used / usable if usable else None,
        inodes_used_ratio=(stats.f_files - stats.f_ffree) / stats.f_files if stats.f_files else None,
    )


def unknown(mount: Mount, reason: str) -> Volume:
    return Volume(
        safe(mount[0]), safe(mount[1]) or None, safe(mount[0]), None, None, None, error=safe(reason)
    )


def directory_volume(walk: TreeWalk, path: str, limit: int) -> Volume:
    """The directory as a volume as large as its limit; ``used_ratio`` may pass 1."""
    size = walk.result.used_bytes if walk.result else None
    error = walk.result.error if walk.result else None
    return Volume(
        mount=safe(path),
        device=None,
        path=safe(path),
        total_bytes=limit,
        free_bytes=None if size is None else max(0, limit - size),
        used_ratio=None if size is None or not limit else size / limit,
        limit=True,
        error=None if error is None else safe(error),
    )
