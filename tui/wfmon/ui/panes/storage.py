"""Storage: the fullest first."""

from __future__ import annotations

from wfmon.model.host import Volume
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, tail, width_of

_FULL = 0.9
_BAR = 10


def storage_rows(look: Look, width: int, height: int, snapshot: Snapshot) -> list[Row]:
    host = snapshot.host
    if host is None:
        return [Line(look, width).add(" not watched", "muted").row()][:height]
    if not host.volumes:
        return [Line(look, width).add(" no file system to watch", "muted").row()][:height]
    volumes = sorted(host.volumes, key=lambda volume: (-(volume.used_ratio or 0.0), volume.path))
    shown = volumes if len(volumes) <= height else volumes[: height - 1]
    rows = [_row(look, width, volume, shown) for volume in shown]
    if len(shown) < len(volumes) and height > 0:
        rows.append(Line(look, width).add(f" +{len(volumes) - len(shown)} less full", "muted").row())
    return rows[:height]


def _row(look: Look, width: int, volume: Volume, shown: list[Volume]) -> Row:
    bar = width >= 46
    longest = max(width_of(one.path) for one in shown)
    name = max(6, min(longest, width - 17 - (_BAR + 1 if bar else 0)))
    line = Line(look, width).add(" ").add(tail(volume.path, name, look.signs.cut), "text", name).add(" ")
    if volume.used_ratio is None:
        return line.add(volume.error or "size unknown", "unknown").row()
    role = "warning" if volume.used_ratio >= _FULL else "text"
    if bar:
        filled, rest = look.signs.gauge(volume.used_ratio, _BAR)
        line.add(filled, "bar" if role == "text" else role).add(rest, "bar_rest").add(" ")
    line.add(numbers.percent(volume.used_ratio, 0), role, 4, right=True)
    inodes = volume.inodes_used_ratio
    if inodes is not None and inodes >= _FULL:
        return line.add(f" inodes {numbers.percent(inodes)}", "warning").row()
    if volume.limit:
        return line.add(f" of {numbers.size(volume.total_bytes)}", "muted").row()
    return line.add(f" {numbers.size(volume.free_bytes)} free", "muted").row()
