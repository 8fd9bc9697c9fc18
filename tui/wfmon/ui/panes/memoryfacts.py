"""The figures of the memory pane, explained."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.panes.formulas import sources_told


def memory_words(snapshot: Snapshot, now: float) -> Iterator[tuple[str, str]]:
    host = snapshot.host
    if host is None:
        yield "host", "not watched: no source of kind host answers"
        return
    if host.memory is not None:
        used = host.memory.total_bytes - host.memory.available_bytes
        pair = numbers.size_pair(used, host.memory.total_bytes)
        yield "host", f"{pair}, {numbers.percent(host.memory.used_ratio)} = (total - available) / total"
        yield "", "available is what programs can still get: free pages and what can be reclaimed"
    if host.swap is not None and host.swap.total_bytes:
        yield "swap", f"{numbers.size_pair(host.swap.used_bytes, host.swap.total_bytes)} used"
    known = [one for one in host.workflows if one.rss_bytes is not None]
    if known:
        total = sum(one.rss_bytes or 0 for one in known)
        yield (
            "workflows",
            f"{numbers.size(total)}: resident memory of their processes, shared pages counted in each",
        )
    for one in sorted(known, key=lambda one: -(one.rss_bytes or 0)):
        yield "", f"{one.workflow} {numbers.size(one.rss_bytes)}"
    if host.load1 is not None:
        of = f" of {host.cpus} cores" if host.cpus else ""
        yield "load", f"{numbers.rate(host.load1)}{of}: runnable and waiting tasks, mean of 1m"
    if host.cpu_ratio is not None:
        yield "cpu", f"{numbers.percent(host.cpu_ratio)} of all cores since the sample before"
    if host.psi_memory_full_avg10 is not None:
        yield "stalled", f"everything waited for memory {host.psi_memory_full_avg10:.1f}% of 10s (PSI full)"
    if host.hidden_processes:
        yield "missing", f"{host.hidden_processes} processes of other users cannot be looked into"
    yield "age", numbers.age(max(0.0, now - host.at))
    yield from sources_told(snapshot, [one.name for one in snapshot.sources if one.kind == "host"], now)
