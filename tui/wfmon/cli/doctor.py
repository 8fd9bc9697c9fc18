"""``wfmon-tui doctor``: every source, what it answers, what is missing and what would give it."""

from __future__ import annotations

import os
import sys

from wfmon.cli.exposed import exposed
from wfmon.cli.headless import ask
from wfmon.cli.options import Options
from wfmon.cli.pricelines import price_lines
from wfmon.cli.rights import advice
from wfmon.cli.sharedstate import sharing_lines
from wfmon.cli.table import table
from wfmon.config import schema
from wfmon.model.snapshot import Snapshot
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor.assemble import base_dir
from wfmon.monitor.borrowed import Neighbour, neighbour
from wfmon.store.paths import state_dir
from wfmon.text.numbers import age, latency, rfc3339, size, zone_name
from wfmon.text.sanitize import safe

HISTORY = "history.db"
SIGNS = {
    SourceState.OK: "✓",
    SourceState.DOWN: "✖",
    SourceState.STALE: "?",
    SourceState.WAITING: "?",
    SourceState.OFF: "–",
}


def run(options: Options) -> int:
    """0 if every source that is asked answered, else 1."""
    loaded = options.load_config()
    seen = ask(loaded.config, options.wait, read_only=True)
    if seen.snapshot is None:
        print(f"no source answered within {options.wait:g}s", file=sys.stderr)
        return 1
    unkept = [f"    problem  check does not keep: {problem}" for problem in seen.unkept]
    state = [*_state(loaded.config.state.dir), *_lane(loaded.config, options.ad_hoc), *unkept]
    sources = _sources(seen.snapshot, loaded.config)
    prices = price_lines(loaded.config, seen.snapshot)
    for line in (*sources, *_found(seen.snapshot), *prices, *state, *_terminal(seen.snapshot)):
        print(line)
    asked = [source for source in seen.snapshot.sources if source.state is not SourceState.OFF]
    return 0 if asked and all(source.state is SourceState.OK for source in asked) else 1


def _sources(snapshot: Snapshot, config: schema.Config) -> list[str]:
    if not snapshot.sources:
        return ["no source is configured; see: wfmon-tui --help"]
    paths = {each.name: each.paths for each in config.source}
    if snapshot.discovery is not None:
        paths |= {each.source: list(each.paths) for each in snapshot.discovery.found if each.source}
    head = ("  NAME", "KIND", "STATE", "AGE", "TOOK", "PROFILE", "SEES")
    rows = table([head, *(_row(source, snapshot.at) for source in snapshot.sources)], left=7)
    lines = [rows[0]]
    for source, row in zip(snapshot.sources, rows[1:], strict=True):
        lines.append(row)
        lines.extend(f"    where    {text}" for text in (source.where,) if text)
        if source.failure:
            lines.append(f"    problem  {source.failure}: {source.error or ''}".rstrip(": "))
        lines.extend(f"    exposes  {text}" for text in exposed(source))
        lines.extend(f"    missing  {text}" for text in source.missing)
        lines.extend(f"    apart    {text}" for text in source.apart)
        lines.extend(f"    gives it {text}" for text in advice(source, paths.get(source.name, ())))
        lines.extend(f"    about    {text}" for text in source.about)
    return lines


def _found(snapshot: Snapshot) -> list[str]:
    """What a start without sources found, and what it could not see."""
    discovery = snapshot.discovery
    if discovery is None:
        return []
    if discovery.at is None:
        return ["", "found     the host was not looked at to the end"]
    words = [each.what for each in discovery.found if each.gone_since is None]
    lines = [f"found     {text}" for text in words or ["nothing that can be read"]]
    lines += [f"    problem  {discovery.problem}"] if discovery.problem is not None else []
    lines += [f"    not seen {text}" for text in discovery.left]
    lines += [f"    looked   {', '.join(discovery.looked)}"] if discovery.looked else []
    return ["", *lines, "    next     wfmon-tui init asks, looks at /metrics, and writes a config"]


def _row(source: SourceStatus, at: float) -> tuple[str, ...]:
    return (
        f"{SIGNS[source.state]} {source.name}",
        source.kind,
        source.state,
        age(None if source.as_of is None else at - source.as_of),
        latency(source.latency_seconds),
        profiles_in_short(source.profile),
        source.sees or "–",
    )


def _state(configured: str) -> list[str]:
    state = state_dir(configured, os.environ, make=False)
    kind = "shared: others' acks are seen" if state.shared else "private: only your own acks are seen"
    problem = [f"    problem  {state.problem}"] if state.problem else []
    return ["", f"state     {safe(str(state.path))}  ({kind})", *problem, *sharing_lines(state, configured)]


def _lane(config: schema.Config, ad_hoc: bool) -> list[str]:
    """Who collects what is watched with these settings, and what is kept of it."""
    there = neighbour(config, base_dir(config, read_only=True), ad_hoc=ad_hoc)
    where = "the state directory itself" if there.lane.root else safe(str(there.lane.state.path))
    return [f"lane      {there.lane.key}  {where}", f"collector {_collector(there)}", _history(config, there)]


def _collector(there: Neighbour) -> str:
    holder = there.holder
    if holder is None:
        return "nobody now; watch and record take it"
    name = f"{holder.user or 'not told'}, pid {holder.pid}" if holder.pid else "somebody who is not told"
    return f"{name}, version {holder.version or '–'}, since {rfc3339(holder.since)}"


def _history(config: schema.Config, there: Neighbour) -> str:
    if not config.history.enabled:
        return "history   off: [history] enabled"
    path = there.lane.state.path / HISTORY
    try:
        taken = sum(file.stat().st_size for file in (path, path.with_name(f"{HISTORY}-wal")) if file.exists())
    except OSError as error:
        return f"history   {safe(str(path))}  {os.strerror(error.errno or 0).lower()}"
    limit = f"at most {size(config.history.max_size)}"
    return f"history   {safe(str(path))}  {size(taken) if taken else 'nothing yet'}, {limit}"


def _terminal(snapshot: Snapshot) -> list[str]:
    size = os.get_terminal_size() if sys.stdout.isatty() else None
    terminal = f"{size.columns}x{size.lines}" if size else "none (standard output is no terminal)"
    term, colour = os.environ.get("TERM", "–"), os.environ.get("COLORTERM", "–")
    return [
        f"clock     {rfc3339(snapshot.at)}  local zone {zone_name(snapshot.at)}",
        f"terminal  {terminal}  TERM={term} COLORTERM={colour}"
        + (" NO_COLOR" if os.environ.get("NO_COLOR") else ""),
    ]


def profiles_in_short(names: str | None) -> str:
    """Many by their number: the lines below name each with what it exposes."""
    count = names.count(",") + 1 if names else 0
    return f"{count} profiles" if count > 2 else names or "–"
