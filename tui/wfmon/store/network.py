"""Whether a directory is on a network file system, where SQLite's WAL cannot work."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_KINDS = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "lustre",
        "gpfs",
        "glusterfs",
        "beegfs",
        "ncpfs",
    )
)
_FUSE_KINDS = ("sshfs", "glusterfs", "s3fs", "rclone", "davfs", "cephfs", "juicefs")


def on_network(path: Path, mounts: Path = MOUNTS) -> bool:
    """By the type of the mount that holds ``path``; False where that cannot be read."""
    try:
        text = mounts.read_text(encoding="utf-8", errors="surrogateescape")
        target = str(path.resolve())
    except OSError:
        return False
    best, kind = "", ""
    for line in text.splitlines():
        point, found = _mount(line)
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind in _KINDS or (kind.startswith("fuse.") and kind[5:].startswith(_FUSE_KINDS))


def _mount(line: str) -> tuple[str, str]:
    """Mount point and type of one line (proc(5): fields, ``-``, type, source, options)."""
    left, _, right = line.partition(" - ")
    fields, rest = left.split(" "), right.split(" ")
    if len(fields) < 5 or not rest:
        return "\0", ""
    return _unescaped(fields[4]), rest[0]


def _unescaped(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
