"""Storage: the fullest first, when it is full, and how far back logs and metrics reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wfmon.model.host import Volume
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.filling import at_the_earliest, filling_of, filling_role, full_in
from wfmon.ui.panes.retention import retention_lines
from wfmon.ui.rows import Line, Row, cut, tail, width_of

_FULL = 0.9
_BAR = 10
_WIDE = 46  # from here on there is room for a bar


def storage_rows(look: Look, width: int, height: int, snapshot: Snapshot) -> list[Row]:
    """Volumes, then what is kept; of the latter at least what is short keeps its rows."""
    host = snapshot.host
    kept = retention_lines(look, width, snapshot.retention, snapshot.at)
    if snapshot.history is not None and snapshot.history.problem:
        kept.insert(0, (_unkept(look, width, snapshot.history.problem), True))
    if host is None or not host.volumes:
        words = " not watched" if host is None else " no file system to watch"
        return [*(row for row, _short in kept), Line(look, width).add(words, "muted").row()][:height]
    volumes = sorted(host.volumes, key=lambda volume: (-(volume.used_ratio or 0.0), volume.path))
    short = sum(short for _row, short in kept)
    room = height - min(len(kept), max(short, height - len(volumes)), max(0, height - 1))
    return [*_volumes(look, width, room, snapshot, volumes), *(row for row, _short in kept)][:height]


def _unkept(look: Look, width: int, why: str) -> Row:
    """That our own history is not kept."""
    words = f"history not kept: {why}"
    return Line(look, width).add(" ").add(cut(words, width - 1, look.signs.cut), "warning").row()


def _volumes(
    look: Look, width: int, height: int, snapshot: Snapshot, volumes: Sequence[Volume]
) -> Iterator[Row]:
    shown = volumes if len(volumes) <= height else volumes[: max(1, height - 1)]
    longest = max(width_of(one.path) for one in shown)
    for volume in shown:
        yield _row(look, width, snapshot, volume, longest)
    if len(shown) < len(volumes) and height > 1:
        yield Line(look, width).add(f" +{len(volumes) - len(shown)} less full", "muted").row()


def _row(look: Look, width: int, snapshot: Snapshot, volume: Volume, longest: int) -> Row:
    bar = width >= _WIDE
    name = max(6, min(longest, width - 17 - (_BAR + 1 if bar else 0)))
    line = Line(look, width).add(" ").add(tail(volume.path, name, look.signs.cut), "text", name).add(" ")
    if volume.used_ratio is None:
        return line.add(volume.error or "size unknown", "unknown").row()
    role = "warning" if volume.used_ratio >= _FULL else "text"
    if bar:
        filled, rest = look.signs.gauge(volume.used_ratio, _BAR)
        line.add(filled, "bar" if role == "text" else role).add(rest, "bar_rest").add(" ")
    line.add(numbers.percent(volume.used_ratio, 0), role, 4, right=True).add(" ")
    inodes = volume.inodes_used_ratio
    if inodes is not None and inodes >= _FULL:
        return line.add(f"inodes {numbers.percent(inodes)}", "warning").row()
    words, role = _outlook(snapshot, volume)
    return line.add(next((one for one in words if width_of(one) <= width - line.used), words[-1]), role).row()


def _outlook(snapshot: Snapshot, volume: Volume) -> tuple[Sequence[str], str]:
    """When it is full, else how it grows, else what is free: the longest words first."""
    filling = filling_of(snapshot, volume.mount)
    size = f"of {numbers.size(volume.total_bytes)}" if volume.limit else _free(volume)
    if filling is not None and filling.full_in is not None:
        span, soonest = full_in(filling.full_in), at_the_earliest(filling.full_in)
        grows = f", {numbers.growth(filling.bytes_per_day)} a day" if filling.bytes_per_day else ""
        words = (f"{size}{grows}, full in {span}", f"full in {span}", f"full {span}", f"full in {soonest}")
        return words, filling_role(filling)
    if filling is not None and filling.bytes_per_day is not None:
        growth = numbers.growth(filling.bytes_per_day)
        return (f"{size}, {growth} a day", f"used {growth}", f"{growth}/d"), "muted"
    return (size,), "muted"


def _free(volume: Volume) -> str:
    return f"{numbers.size(volume.free_bytes)} free"
