"""Memory, load, and which workflows take most."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import set_cell_size

from wfmon.model.host import HostSample
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, cut

_TIGHT = 0.9
_INNER = 34  # cells that a line takes at most


def memory_rows(look: Look, width: int, height: int, host: HostSample | None) -> list[Row]:
    if host is None:
        return [Line(look, width).add(" not watched", "muted").row()][:height]
    inner = min(width - 1, _INNER)
    rows: list[Row] = []
    for label, text, share in _facts(host, inner):
        if len(rows) == height:
            break
        line = Line(look, width).add(" ").add(label, "muted").add(" ").add(text)
        if share is not None:
            line.add(numbers.percent(share, 0), "warning" if share >= _TIGHT else "text", 5, right=True)
        rows.append(line.row())
    return rows


def _facts(host: HostSample, inner: int) -> Iterator[tuple[str, str, float | None]]:
    """Label, text and share (0..1) of each line of ``inner`` cells."""
    memory, swap = host.memory, host.swap
    if memory is not None:
        used = memory.total_bytes - memory.available_bytes
        yield "host", numbers.size_pair(used, memory.total_bytes).rjust(10), memory.used_ratio
    if swap is not None and swap.total_bytes:
        pair = numbers.size_pair(swap.used_bytes, swap.total_bytes)
        yield "swap", pair.rjust(10), swap.used_bytes / swap.total_bytes
    by_size = sorted(
        (one for one in host.workflows if one.rss_bytes is not None), key=lambda one: -(one.rss_bytes or 0)
    )
    if by_size:
        total = sum(one.rss_bytes or 0 for one in by_size)
        share = total / memory.total_bytes if memory and memory.total_bytes else None
        yield "workflows", numbers.size(total).rjust(5), share
    if host.load1 is not None:
        of = f" of {host.cpus}" if host.cpus else ""
        cpu = f"  cpu {numbers.percent(host.cpu_ratio, 0)}" if host.cpu_ratio is not None else ""
        yield "load", f"{numbers.rate(host.load1)}{of}{cpu}", None
    if host.psi_memory_full_avg10:
        yield "stalled", f"{host.psi_memory_full_avg10:.1f}% of 10s", None
    for number, one in enumerate(by_size):
        size = numbers.size(one.rss_bytes)
        room = max(1, inner - 5 - 1 - len(size))
        name = set_cell_size(cut(one.workflow, room), room)
        yield "most" if number == 0 else "    ", f"{name} {size}", None
    if host.hidden_processes:
        yield str(host.hidden_processes), "pids not visible", None
