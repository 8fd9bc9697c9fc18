"""Since when memory, room and money are short, by the figures that the history keeps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import ceil, floor, isnan
from typing import Protocol

from wfmon.analysis.replay import Replayed, Said, replay
from wfmon.analysis.rules import cost_spike, memory, storage
from wfmon.model.alert import Finding
from wfmon.model.episode import EpisodeKey
from wfmon.model.history import Kind
from wfmon.model.host import HostSample, Memory, Volume
from wfmon.model.past import Series, SeriesRequest
from wfmon.model.record import replace
from wfmon.model.snapshot import Totals, Workflow
from wfmon.monitor.settings import RuleSettings
from wfmon.store.errors import StoreError

HOUR = 3600.0
LONGEST_HOLE = 600.0  # seconds without a figure, beyond which what was before is another story

_Evaluate = Callable[[float], Sequence[Finding]]
_Values = Mapping[float, float]  # by the end of the step that they are the mean of


class Reads(Protocol):
    def series(self, request: SeriesRequest) -> Series: ...


def kept_levels(
    reader: Reads,
    holding: Collection[EpisodeKey],
    rules: RuleSettings,
    now: float,
    seconds: float,
    step: float,
) -> dict[EpisodeKey, Replayed]:
    """Of what is in ``holding`` and of a kind that is kept. ``step``: seconds between kept points; a begin is
    told as the end of the first step in which it held. Nothing where the history cannot be read."""
    kept = _Kept(reader, now, seconds, max(60.0, step))
    found: dict[EpisodeKey, Replayed] = {}
    try:
        for key in holding:
            course = _course(kept, key, rules)
            if course is None:
                continue
            times, evaluate = course
            moments = kept.unbroken(times)
            pasts = replay(_said(evaluate), moments, (), rules.episodes)
            if key in pasts:
                found[key] = pasts[key]
    except StoreError:
        return found  # why is told of the history itself
    return found


def _said(evaluate: _Evaluate) -> Said:
    return lambda at, memory: evaluate(at)


class _Kept:
    def __init__(self, reader: Reads, now: float, seconds: float, step: float) -> None:
        self._reader = reader
        self.step = step
        self.now = now
        self.end = floor(now / step) * step
        self.count = ceil(seconds / step)
        self.begin = self.end - self.count * step

    def values(self, kind: Kind, subject: str, column: str) -> dict[float, float]:
        asked = SeriesRequest(kind, subject, column, self.begin, self.end, self.count)
        return {
            self.begin + (number + 1) * self.step: value
            for number, value in enumerate(self._reader.series(asked).values)
            if value is not None and not isnan(value)
        }

    def unbroken(self, times: Iterable[float]) -> list[float]:
        """The last of them that follow each other up to now without a hole."""
        found: list[float] = []
        after = self.now
        for at in sorted(times, reverse=True):
            if after - at > max(LONGEST_HOLE, 2 * self.step):
                break
            found.append(at)
            after = at
        return found[::-1]


def _course(kept: _Kept, key: EpisodeKey, rules: RuleSettings) -> tuple[_Values, _Evaluate] | None:
    """When something is known of it, and what its rule says then."""
    rule, labels = key[0], dict(key[1])
    if rule == memory.RULE and key[1] == memory.LABELS:
        return _memory(kept, rules)
    if rule == storage.RULE and "mount" in labels:
        return _storage(kept, labels["mount"], rules)
    if rule == cost_spike.RULE:
        return _cost(kept, labels.get("workflow"), rules)
    return None


def _memory(kept: _Kept, rules: RuleSettings) -> tuple[_Values, _Evaluate]:
    total = kept.values(Kind.HOST, "", "memory_total")
    available = kept.values(Kind.HOST, "", "memory_available")
    pressure = kept.values(Kind.HOST, "", "psi_memory")

    def evaluate(at: float) -> Sequence[Finding]:
        host = replace(_HOST, at=at, psi_memory_full_avg10=pressure.get(at))
        if at in total and at in available:
            host = replace(host, memory=Memory(int(total[at]), int(available[at])))
        return memory.evaluate(host, rules.memory, at)

    return available, evaluate


def _storage(kept: _Kept, mount: str, rules: RuleSettings) -> tuple[_Values, _Evaluate]:
    columns = {
        name: kept.values(Kind.VOLUME, mount, name)
        for name in ("total_bytes", "free_bytes", "used_ratio", "inodes_used_ratio", "limit")
    }
    used = columns["used_ratio"]

    def evaluate(at: float) -> Sequence[Finding]:
        total, free = columns["total_bytes"].get(at), columns["free_bytes"].get(at)
        volume = Volume(
            mount,
            None,
            mount,
            None if total is None else int(total),
            None if free is None else int(free),
            used.get(at),
            columns["inodes_used_ratio"].get(at),
            bool(columns["limit"].get(at)),
        )
        return storage.evaluate(replace(_HOST, at=at, volumes=(volume,)), rules.storage, at)

    return used, evaluate


def _cost(kept: _Kept, workflow: str | None, rules: RuleSettings) -> tuple[_Values, _Evaluate]:
    """Caps alone: what is usual is known of the present hour only."""
    kind = Kind.TOTAL if workflow is None else Kind.WORKFLOW
    rates = kept.values(kind, workflow or "", "cost_per_hour")

    def evaluate(at: float) -> Sequence[Finding]:
        known = [rate for when, rate in rates.items() if at - HOUR < when <= at]
        seconds = min(HOUR, len(known) * kept.step)
        spent = sum(known) * kept.step / HOUR
        rows = (
            []
            if workflow is None
            else [
                Workflow(
                    workflow,
                    cost_usd_per_hour=rates.get(at),
                    cost_hour_usd=spent,
                    cost_hour_seconds=seconds,
                )
            ]
        )
        totals = Totals(
            cost_usd_per_hour=rates.get(at) if workflow is None else None,
            cost_hour_usd=spent if workflow is None else None,
            cost_hour_seconds=seconds,
        )
        return cost_spike.evaluate(rows, totals, rules.cost_spike, rules.limits, at)

    return rates, evaluate


_HOST = HostSample(
    at=0.0,
    cpu_ratio=None,
    load1=None,
    cpus=None,
    psi_memory_full_avg10=None,
    memory=None,
    swap=None,
    workflows=(),
    volumes=(),
    processes_seen=0,
    hidden_processes=0,
)
