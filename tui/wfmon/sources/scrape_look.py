"""The text of a look at a scrape target, as it is kept for a later process."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from wfmon.model.record import dataclass
from wfmon.sources.series import Series, sample_line

# After the lines that were used.
_VANISHED = b"\n# vanished"
_INFOS = b"\n# infos"
_READ = b"\n# read "


@dataclass(frozen=True, slots=True)
class KeptLook:
    """``present``: the lines of samples. ``vanished``: those of counters that were there before and may
    come back. ``infos``: lines of info metrics. ``made_for`` stands for the names that were wanted, and
    ``unread`` are those of them that were exposed though their lines are not here."""

    present: bytes
    vanished: bytes
    infos: tuple[bytes, ...]
    made_for: str
    unread: frozenset[str]


def packed(
    present: bytes,
    vanished: Mapping[Series, float],
    infos: Collection[bytes],
    made_for: str,
    unread: Iterable[str],
) -> bytes:
    parts = [present]
    if vanished:
        parts += [_VANISHED, *(b"\n" + sample_line(series, value) for series, value in vanished.items())]
    if infos:
        parts += [_INFOS, *(b"\n" + line for line in infos)]
    parts += [_READ, " ".join((made_for, *sorted(unread))).encode()]
    return b"".join(parts)


def unpacked(text: bytes) -> KeptLook:
    rest, _, read = text.partition(_READ)
    rest, _, infos = rest.partition(_INFOS)
    present, _, vanished = rest.partition(_VANISHED)
    made_for, _, unread = read.decode("utf-8", "replace").partition(" ")
    return KeptLook(present, vanished, tuple(infos.split(b"\n")[1:]), made_for, frozenset(unread.split()))
