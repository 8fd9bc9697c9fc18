"""``wfmon-tui record``: the collector without a screen; a line for what changes."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from datetime import tzinfo
from queue import SimpleQueue

from wfmon.cli.options import Options
from wfmon.config import schema
from wfmon.model.history import HistoryStatus
from wfmon.model.snapshot import Collector, Snapshot
from wfmon.monitor.assemble import AssembledStation, assemble_station
from wfmon.monitor.discovering import discovers
from wfmon.text.numbers import clock
from wfmon.text.sanitize import safe

_WRONG_USE = 2


def run(options: Options) -> int:
    """Ends by a signal only: 128 and its number (contract.md)."""
    if options.read_only:
        _say("record collects and writes, which --read-only forbids")
        return _WRONG_USE
    loaded = options.load_config()
    config = loaded.config
    assembled = assemble_station(config, ad_hoc=options.ad_hoc, changed=loaded.layered.changed)
    _let_others_collect_while_stopped(assembled)
    seen: SimpleQueue[Snapshot] = SimpleQueue()
    assembled.station.subscribe(seen.put)
    try:
        assembled.station.start()
        teller = Teller(assembled.zone)
        _say(f"{teller.role(assembled.station.collector)}; {_what(config)}; kept in {_where(assembled)}")
        while True:
            for line in teller.news(seen.get()):
                _say(line)
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the end is under way and takes no time
        words = assembled.parting_words()
        assembled.close()
        with suppress(OSError):  # who reads it may have gone
            for line in words:
                _say(line)


class Teller:
    """Says what is new to a person who reads only now and then: the role, the verdict's level, and what
    cannot be kept."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._role = ""
        self._level = ""
        self._problem: str | None = None
        self._unkept: str | None = None
        self._notes: tuple[str, ...] = ()

    def role(self, collector: Collector) -> str:
        """Who collects, in words; what is told once is no news."""
        self._role = _role(collector)
        return self._role

    def news(self, snapshot: Snapshot) -> list[str]:
        lines = []
        if _role(snapshot.collector) != self._role:
            lines.append(self.role(snapshot.collector))
        if snapshot.store_problem != self._problem:
            self._problem = snapshot.store_problem
            lines.append(f"problem: {self._problem}" if self._problem else "kept and shared again")
        if snapshot.collector.self_ and snapshot.history is not None:
            lines += self._history(snapshot.history)
        if not snapshot.waiting and snapshot.verdict.level != self._level:
            self._level = snapshot.verdict.level
            lines.append(f"{self._level}: {snapshot.verdict.text}")
        at = clock(time.time(), self._zone)
        return [f"{at} {line}" for line in lines]

    def _history(self, history: HistoryStatus) -> list[str]:
        lines = [f"history: {note}" for note in history.notes if note not in self._notes]
        self._notes = history.notes
        if history.problem != self._unkept:
            self._unkept = history.problem
            lines.append(f"history is not kept: {self._unkept}" if self._unkept else "history is kept again")
        return lines


def _role(collector: Collector) -> str:
    if not collector.self_:
        return f"standing by: {collector.user} (pid {collector.pid}) collects"
    if collector.alone is not None:
        return f"alone, nothing is kept or shared: {collector.alone}"
    return f"collecting (pid {collector.pid})"


def _what(config: schema.Config) -> str:
    names = [safe(source.name or source.kind) for source in config.source]
    names += ["host"] if config.host.enabled else []
    around = ", and what is found here" if discovers(config) else ""
    return f"sources: {', '.join(names) or 'none'}{around}"


def _where(assembled: AssembledStation) -> str:
    return safe(str(assembled.lane.state.path))


def _let_others_collect_while_stopped(assembled: AssembledStation) -> None:
    """On ctrl-z of a shell: a stopped process must not keep others from collecting."""
    if signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        return

    def stop(number: int, _frame: object) -> None:
        assembled.station.rest()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # goes on here after SIGCONT
        signal.signal(number, stop)

    signal.signal(signal.SIGTSTP, stop)


def _say(line: str) -> None:
    print(f"wfmon-tui: {line}", file=sys.stderr, flush=True)
