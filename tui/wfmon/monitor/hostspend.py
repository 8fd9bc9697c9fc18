"""What workflows use of the machine, and what watched directories hold, hour by hour: what ``[cost]``
gives rates for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping

from wfmon.config import schema
from wfmon.model.history import Role
from wfmon.model.host import HostSample
from wfmon.model.spend import Amounts, SpendKey, SpendSum
from wfmon.text.sanitize import safe

HOUR = 3600.0
GIB = 2.0**30
SOURCE = "host"
MOST_GAP = 300.0  # seconds between two looks that still vouch for the time between
FLUSH_SECONDS = 60.0  # between two times that rows are handed on: one for each workflow
_FIGURES = ("cpu_seconds", "memory_gib_seconds", "storage_gib_seconds", "backup_gib_seconds")

_Used = dict[tuple[float, str], dict[str, float]]


class HostSpend:
    """``backups``: paths of watched directories of which a backup is kept. ``aliases``: other names of
    workflows, to the one in use."""

    def __init__(self, backups: Collection[str], aliases: Mapping[str, str]) -> None:
        self._backups = frozenset(backups)
        self._aliases = aliases
        self._last: float | None = None
        self._used: _Used = {}
        self._taken_at: float | None = None

    def took(self, host: HostSample) -> None:
        """What holds at this look held since the one before; a time without looks is not known."""
        before, self._last = self._last, host.at
        if before is None or not 0 < host.at - before <= MOST_GAP:
            return
        for hour, seconds in _hours(before, host.at):
            for one in host.workflows:
                name = self._aliases.get(one.workflow, one.workflow)
                if one.cpu_ratio is not None:
                    self._add(hour, name, "cpu_seconds", one.cpu_ratio * seconds)
                if one.rss_bytes is not None:
                    self._add(hour, name, "memory_gib_seconds", one.rss_bytes / GIB * seconds)
            for volume in host.volumes:
                if not volume.limit or volume.used_ratio is None or volume.total_bytes is None:
                    continue
                held = volume.used_ratio * volume.total_bytes / GIB * seconds
                self._add(hour, "", "storage_gib_seconds", held)
                if volume.path in self._backups:
                    self._add(hour, "", "backup_gib_seconds", held)

    def take(self, now: float, *, end: bool = False) -> tuple[SpendSum, ...]:
        """What came since it was taken last, at most once a minute; at the end in any case."""
        if self._taken_at is None:
            self._taken_at = now
        if not end and 0 <= now - self._taken_at < FLUSH_SECONDS:
            return ()
        used, self._used, self._taken_at = self._used, {}, now
        return tuple(
            SpendSum(hour, SpendKey(name, "", ""), SOURCE, Role.METRICS, _amounts(figures))
            for (hour, name), figures in used.items()
        )

    def _add(self, hour: float, name: str, figure: str, amount: float) -> None:
        into = self._used.setdefault((hour, name), {})
        into[figure] = into.get(figure, 0.0) + max(0.0, amount)


def make_host_spend(config: schema.Config) -> HostSpend:
    """The host names directories as ``Volume`` does."""
    backups = [safe(os.path.expanduser(each.path)) for each in config.storage.dir if each.backup]
    aliases = {alias: entry.name for entry in config.workflow for alias in entry.aliases}
    return HostSpend(backups, aliases)


def _hours(begin: float, end: float) -> Iterator[tuple[float, float]]:
    """The hours that a time lies in, each with how many seconds of it."""
    at = begin
    while at < end:
        hour = at // HOUR * HOUR
        until = min(end, hour + HOUR)
        yield hour, until - at
        at = until


def _amounts(figures: Mapping[str, float]) -> Amounts:
    cpu, memory, storage, backup = (figures.get(name) for name in _FIGURES)
    return Amounts(
        cpu_seconds=cpu, memory_gib_seconds=memory, storage_gib_seconds=storage, backup_gib_seconds=backup
    )
