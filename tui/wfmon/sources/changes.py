"""What happened to a target that may explain what its figures did: restarts, resets, new versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from wfmon.model.history import Change, ChangeKind
from wfmon.model.record import replace
from wfmon.text.sanitize import safe

MAX_CHANGES = 20  # that one answer of a source tells
MAX_INFO_LINES = 50  # of one target; there may be one per pod of a cluster
MAX_INFO_BYTES = 2048
MAX_VERSIONS = 200  # of one target that are remembered
VALUE_LIMIT = 40  # characters of a version, or of what has it, that are shown
LATE_SECONDS = 600.0  # after which a restart may be seen; an older start is that of another clock
SAME_START = 1.0  # seconds; start times are computed and waver

# Labels that say which build runs, the most telling first.
VERSION_LABELS = (
    "version", "service_version", "app_version", "release", "tag", "image_tag", "image", "revision",
    "git_commit", "commit", "git_sha", "sha", "build", "digest",
)  # fmt: skip
_SUFFIXES = re.compile(r"(?:_build)?_info\Z")

# One series of an info metric: the name of the metric and its labels, raw.
Info = tuple[str, Mapping[str, str]]
_Versions = dict[tuple[object, ...], tuple[str, Mapping[str, str]]]


class ChangeWatch:
    """One target, from look to look. ``subject`` (safe) is the target, ``short`` its name in a text."""

    def __init__(self, subject: str, short: str) -> None:
        self._subject = subject
        self._short = short
        self._at: float | None = None
        self._start: float | None = None
        self._versions: _Versions = {}

    def look(
        self, at: float, start: float | None, infos: Sequence[Info], fallen: Sequence[str] = ()
    ) -> tuple[Change, ...]:
        """What changed since the look before; nothing at the first.

        ``start``: when its process began (POSIX seconds, by its own clock), None if it does not say.
        ``fallen``: names of counters that fell. What a look does not say is remembered from before.
        """
        changes = [*self._restarts(at, start), *self._new_versions(at, infos)]
        if fallen and not any(change.kind is ChangeKind.RESTART for change in changes):
            changes.append(self._change(at, ChangeKind.RESET, _fell(self._short, fallen)))
        first, self._at = self._at is None, at
        self._start = self._start if start is None else start
        return () if first else tuple(changes)

    def _restarts(self, at: float, start: float | None) -> list[Change]:
        if start is None or self._start is None or self._at is None or abs(start - self._start) < SAME_START:
            return []
        when = start if self._at - LATE_SECONDS <= start <= at else at
        return [self._change(when, ChangeKind.RESTART, f"exporter {self._short} restarted")]

    def _new_versions(self, at: float, infos: Sequence[Info]) -> list[Change]:
        found = _versions(infos)
        changes = []
        for key, (what, labels) in found.items():
            before = self._versions.get(key)
            words = _moved(before[1], labels) if before is not None else None
            if words is not None:
                changes.append(self._change(at, ChangeKind.VERSION, f"{what}{words} ({self._short})".strip()))
        self._versions.update(found)
        while len(self._versions) > MAX_VERSIONS:
            del self._versions[next(iter(self._versions))]
        return changes

    def _change(self, at: float, kind: ChangeKind, text: str) -> Change:
        return Change(at, kind, self._subject, text)


def bounded(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The first MAX_CHANGES; the last of them says how many more there were."""
    if len(changes) <= MAX_CHANGES:
        return tuple(changes)
    last = changes[MAX_CHANGES - 1]
    more = len(changes) - MAX_CHANGES
    return (*changes[: MAX_CHANGES - 1], replace(last, text=f"{last.text}, and {more} more changes"))


def short_target(host_and_port: str) -> str:
    """``:9101`` for one of this host, else as it is; safe."""
    host, colon, port = host_and_port.rpartition(":")
    return safe(
        f":{port}" if colon and host in ("127.0.0.1", "localhost", "[::1]") else host_and_port, limit=80
    )


def info_lines(body: bytes) -> tuple[bytes, ...]:
    """The sample lines of metrics whose names end in ``_info``, the first MAX_INFO_LINES of them."""
    lines: list[bytes] = []
    at = body.find(b"_info{")
    while at >= 0 and len(lines) < MAX_INFO_LINES:
        begin = body.rfind(b"\n", max(0, at - MAX_INFO_BYTES), at) + 1
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        head = body[begin:at]
        if end - begin <= MAX_INFO_BYTES and b"{" not in head and not head.startswith(b"#"):
            lines.append(body[begin:end])
        at = body.find(b"_info{", end)
    return tuple(lines)


def _versions(infos: Iterable[Info]) -> _Versions:
    """By what stays the same over a new version: the metric if it has one series, else its other labels."""
    by_name: dict[str, list[Mapping[str, str]]] = {}
    for name, labels in infos:
        by_name.setdefault(name, []).append(labels)
    found: _Versions = {}
    several_at_once: set[tuple[object, ...]] = set()
    for name, several in by_name.items():
        for labels in several:
            versions = {label: labels[label] for label in VERSION_LABELS if labels.get(label)}
            rest = tuple(sorted(item for item in labels.items() if item[0] not in versions))
            key = (name,) if len(several) == 1 else (name, rest)
            what = safe(labels.get("service_name") or _SUFFIXES.sub("", name), limit=VALUE_LIMIT)
            if key in found and found[key][1] != versions:
                several_at_once.add(key)
            if versions:
                found[key] = ("" if what == "target" else what, versions)
    return {key: told for key, told in found.items() if key not in several_at_once}


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> str | None:
    """`` 1.4.0 → 1.5.0`` of the most telling label that changed; None where none did."""
    for label in VERSION_LABELS:
        if label in before and label in after and before[label] != after[label]:
            name = "" if label in ("version", "service_version") else f" {label}"
            was, now = (safe(labels[label], limit=VALUE_LIMIT) for labels in (before, after))
            return f"{name} {was} → {now}"
    return None


def _fell(short: str, fallen: Sequence[str]) -> str:
    names = list(dict.fromkeys(fallen))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return safe(f"counters of {short} fell: {names[0]}{more}", limit=200)
