"""What belongs to an alert that is about no workflow: a file system, a source, the memory of the host."""

from __future__ import annotations

from wfmon.model.alert import Alert
from wfmon.model.forecast import Filling
from wfmon.model.host import Volume
from wfmon.model.snapshot import Snapshot
from wfmon.model.source import SourceStatus
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import fact, wrapped_fact
from wfmon.ui.panes.filling import filling_role, full_in
from wfmon.ui.rows import Row


def volume_of(snapshot: Snapshot, alert: Alert) -> Volume | None:
    mount = dict(alert.labels).get("mount")
    volumes = snapshot.host.volumes if snapshot.host else ()
    return next((one for one in volumes if one.mount == mount), None)


def source_of(snapshot: Snapshot, alert: Alert) -> SourceStatus | None:
    name = dict(alert.labels).get("source")
    return next((one for one in snapshot.sources if one.name == name), None)


def volume_rows(look: Look, width: int, volume: Volume, filling: Filling | None = None) -> list[Row]:
    """The figures of a file system or of a watched directory, and when it will be full."""
    rows = []
    if volume.used_ratio is not None:
        filled, rest = look.signs.gauge(volume.used_ratio, min(40, width - 20))
        used = (f" {numbers.percent(volume.used_ratio)}", "strong")
        rows.append(fact(look, width, "used", (filled, "bar"), (rest, "bar_rest"), used))
    if volume.total_bytes is not None:
        words = f"{numbers.size(volume.free_bytes)} free of {numbers.size(volume.total_bytes)}"
        rows.append(fact(look, width, "limit" if volume.limit else "size", (words, "text")))
    if volume.inodes_used_ratio is not None:
        rows.append(
            fact(look, width, "inodes", (f"{numbers.percent(volume.inodes_used_ratio)} used", "text"))
        )
    if volume.device or volume.path != volume.mount:
        rows.append(fact(look, width, "device", (f"{volume.device or ''} {volume.path}".strip(), "text")))
    if filling is not None:
        rows += filling_rows(look, width, filling)
    if volume.error:
        rows.append(fact(look, width, "error", (volume.error, "warning")))
    return rows


def filling_rows(look: Look, width: int, filling: Filling) -> list[Row]:
    """How fast it grows, when it is full, and what that is taken from."""
    rows = []
    if filling.bytes_per_day is not None:
        rows.append(fact(look, width, "grows", (f"{numbers.growth(filling.bytes_per_day)} a day", "text")))
    if filling.full_in is not None:
        rows.append(fact(look, width, "full in", (full_in(filling.full_in), filling_role(filling))))
    if filling.basis:
        rows += wrapped_fact(look, width, "basis", filling.basis, "muted", 3)
    return rows


def source_rows(look: Look, width: int, source: SourceStatus, now: float) -> list[Row]:
    """What a source said last, and why it does not answer."""
    rows = []
    state = source.state.value + (f": {source.failure.value}" if source.failure else "")
    if source.failing_since is not None:
        state += f", for {numbers.duration(max(0.0, now - source.failing_since))}"
    rows.append(fact(look, width, "state", (state, "text")))
    if source.error:
        rows += wrapped_fact(look, width, "why", source.error, "text", 3)
    if source.as_of is not None:
        ago = numbers.age(max(0.0, now - source.as_of))
        rows.append(
            fact(look, width, "last", (f"{look.clock(source.as_of)}, {ago} ago: {source.sees}", "text"))
        )
    if source.where:
        rows.append(fact(look, width, "where", (source.where, "text")))
    return rows


def memory_facts(look: Look, width: int, snapshot: Snapshot) -> list[Row]:
    """Memory, swap and stalls of the host."""
    host = snapshot.host
    if host is None:
        return []
    rows = []
    if host.memory is not None:
        filled, rest = look.signs.gauge(host.memory.used_ratio, min(40, width - 20))
        used = (f" {numbers.percent(host.memory.used_ratio)}", "strong")
        rows.append(fact(look, width, "used", (filled, "bar"), (rest, "bar_rest"), used))
        words = f"{numbers.size(host.memory.available_bytes)} free of {numbers.size(host.memory.total_bytes)}"
        rows.append(fact(look, width, "size", (words, "text")))
    if host.swap is not None and host.swap.total_bytes:
        pair = numbers.size_pair(host.swap.used_bytes, host.swap.total_bytes)
        rows.append(fact(look, width, "swap", (pair, "text")))
    if host.psi_memory_full_avg10:
        words = f"everything waited for memory {host.psi_memory_full_avg10:.1f}% of the last 10s"
        rows.append(fact(look, width, "stalled", (words, "warning")))
    return rows
