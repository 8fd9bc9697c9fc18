"""``wfmon-tui logs``: the lines of a run or a workflow as the log screen shows them, without a screen."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import tzinfo
from typing import TYPE_CHECKING

from wfmon.cli.options import Options
from wfmon.model.log import Anchor, Level, LogLine, LogPage, LogRequest, Mark
from wfmon.model.record import dataclass, replace
from wfmon.model.run import RunsSample
from wfmon.text.numbers import clock_millis, day_clock, find_zone, rfc3339
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.config import schema
    from wfmon.sources.logfiles import LogFilesSource

STDIN = "-"
NEWEST = 100  # lines of a workflow, where neither -n nor --since says how many
PAGE = 1000
READ_SECONDS = 60.0  # for reading what there is, before anything is printed
_NEVER = threading.Event()
_SHORT_ID = 4  # fewer characters are no prefix of an id


@dataclass(frozen=True, slots=True)
class _Found:
    """Which lines are meant, and who has them."""

    source: LogFilesSource
    request: LogRequest


def run(options: Options) -> int:
    """0 once everything is printed; 1 where there is nothing of that name, or no log."""
    loaded = options.load_config()
    zone = find_zone(loaded.config.ui.timezone)
    with ExitStack() as stack:
        if options.subject == STDIN:
            from wfmon.cli.spool import spooled

            source, ended = stack.enter_context(spooled(loaded.config.logs))
            found = [_Found(source, _request(options, time.time()))]
            return _print_all(found, options, zone, ended)
        sources = [stack.enter_context(closing(source)) for source in _sources(loaded.config)]
        if not sources:
            return _complain('no log is named: give --logs, or a [[source]] with kind = "logs"')
        problems = _read(sources)
        found = _find(sources, options, time.time())
        if not found:
            return _complain(*problems, _unknown(sources, options.subject))
        return _print_all(found, options, zone, _NEVER if options.follow else None)


def _sources(config: schema.Config) -> list[LogFilesSource]:
    from wfmon.monitor.assemble import base_dir
    from wfmon.monitor.building import log_sources
    from wfmon.monitor.discovering import discovers, logs_found_here, own_directories
    from wfmon.sources.logfiles import LogFilesSource

    sources = log_sources(config)
    if discovers(config):
        never = own_directories(base_dir(config, read_only=True).path)
        sources = logs_found_here(config, never, time.time())
    return [source for source in sources if isinstance(source, LogFilesSource)]


def _complain(*lines: str) -> int:
    for line in lines:
        print(f"wfmon-tui: {line}", file=sys.stderr)
    return 1


def _read(sources: Sequence[LogFilesSource]) -> list[str]:
    """Reads every source up to where its files end; what cannot be read, in words."""
    from wfmon.sources.base import SourceError

    problems = []
    until = time.monotonic() + READ_SECONDS
    for source in sources:
        try:
            while not source.poll(time.time()).settled and time.monotonic() < until:
                pass
        except SourceError as error:
            problems.append(f"{source.name}: {error}")
    return problems


# --- what is meant


def _request(options: Options, now: float) -> LogRequest:
    return LogRequest(
        since=None if options.since is None else now - options.since,
        min_level=Level.ERROR if options.errors else Level.NONE,
        limit=PAGE,
    )


def _find(sources: Sequence[LogFilesSource], options: Options, now: float) -> list[_Found]:
    """A workflow of that name, else the run of that id or of a unique beginning, else lines with it."""
    base, name = _request(options, now), options.subject
    samples = [(source, runs_of(source)) for source in sources]
    named = [_Found(s, replace(base, workflow=name)) for s, runs in samples if name in runs.workflows]
    if named:
        return named
    runs = {
        (run.id, run.workflow): source
        for source, sample in samples
        for workflow in sample.workflows.values()
        for run in (*workflow.open, *workflow.finished)
        if run.id == name or (len(name) >= _SHORT_ID and run.id.startswith(name))
    }
    exact = {key: source for key, source in runs.items() if key[0] == name} or runs
    if len({key[0] for key in exact}) == 1:
        return [_Found(source, replace(base, run=key[0], workflow=key[1])) for key, source in exact.items()]
    if exact:
        return []
    asked = [_Found(source, replace(base, run=name)) for source, _ in samples]
    return [each for each in asked if next(_pages(each, Anchor.START), LogPage(())).lines]


def runs_of(source: LogFilesSource) -> RunsSample:
    from wfmon.sources.base import SourceError

    try:
        found = source.poll(time.time()).runs
    except SourceError:
        found = None
    return found or RunsSample(time.time(), {})


def _unknown(sources: Sequence[LogFilesSource], name: str) -> str:
    """Nothing, or too much, is called that."""
    import difflib

    samples = [runs_of(source) for source in sources]
    workflows = sorted({workflow for sample in samples for workflow in sample.workflows})
    ids = {
        run.id
        for sample in samples
        for workflow in sample.workflows.values()
        for run in (*workflow.open, *workflow.finished)
    }
    shown = safe(name, limit=80)
    meant = sorted(each for each in ids if each.startswith(name))
    if len(meant) > 1 and len(name) >= _SHORT_ID:
        return f"{shown} begins {len(meant)} run ids: {', '.join(meant[:5])}"
    close = difflib.get_close_matches(name, [*workflows, *ids], 3)
    if close:
        return f"no workflow or run {shown}; did you mean {' or '.join(close)}?"
    known = ", ".join(workflows[:10]) or "none"
    return f"no workflow or run {shown}; workflows in the logs: {known}"


# --- printing


def _print_all(
    found: Sequence[_Found], options: Options, zone: tzinfo | None, ended: threading.Event | None
) -> int:
    """What there is, then what comes until ``ended`` is set (None: nothing more)."""
    if len(found) > 1:
        others = ", ".join(each.source.name for each in found[1:])
        print(f"wfmon-tui: printed from {found[0].source.name}; also in {others}", file=sys.stderr)
    first = found[0]
    printer = _Printer(options.json, zone, many_runs=first.request.run is None)
    last = LogPage(())
    for page in _first_pages(first, options) if options.subject != STDIN else ():
        printer.print(page.lines)
        last = page
    if last.partial:
        print("wfmon-tui: the search stopped at its bound: more may match (--since)", file=sys.stderr)
    if ended is not None:
        _follow(first, last, printer, ended)
    if not printer.printed:
        print(f"wfmon-tui: {last.problem or 'no line matches'}", file=sys.stderr)
    return 0


def _first_pages(found: _Found, options: Options) -> Iterator[LogPage]:
    newest = options.lines
    if newest is None and found.request.run is None and options.since is None:
        newest = NEWEST
    if newest is not None:
        request = replace(found.request, anchor=Anchor.END, limit=newest)
        yield found.source.page(request, _never)
    else:
        yield from _pages(found, Anchor.START)


def _pages(found: _Found, anchor: Anchor) -> Iterator[LogPage]:
    """Page after page, until the end or where a search makes no way."""
    page = found.source.page(replace(found.request, anchor=anchor), _never)
    yield page
    while not page.at_end:
        before = page.end
        page = found.source.page(replace(found.request, anchor=Anchor.AFTER, position=before), _never)
        yield page
        if page.end == before:
            return


def _follow(found: _Found, page: LogPage, printer: _Printer, ended: threading.Event) -> None:
    from wfmon.sources.base import SourceError

    over = False
    while not over:
        over = ended.wait(found.source.interval)
        try:
            while not found.source.poll(time.time()).settled:
                pass
        except SourceError as error:
            print(f"wfmon-tui: {error}", file=sys.stderr)
            continue
        begin = Anchor.AFTER if page.end else Anchor.START
        for more in _pages(replace(found, request=replace(found.request, position=page.end)), begin):
            printer.print(more.lines)
            page = more if more.end else page


def _never() -> bool:
    return False


class _Printer:
    """Lines to standard output, each batch at once."""

    def __init__(self, as_json: bool, zone: tzinfo | None, *, many_runs: bool) -> None:
        self._as_json = as_json
        self._many_runs = many_runs
        self._zone = zone
        self._now = time.time()
        self.printed = 0

    def print(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            text = _json(line) if self._as_json else self._text(line)
            if text:
                print(text)
                self.printed += line.mark is Mark.LINE
        sys.stdout.flush()

    def _text(self, line: LogLine) -> str:
        if line.mark is not Mark.LINE:
            return f"── {line.message}"
        level = "" if line.level is Level.NONE else line.level.name
        step = f"{line.step}: " if line.step and not line.message.startswith(line.step) else ""
        whose = f"{tail_of(line.run)}  " if self._many_runs and line.run else ""
        return f"{self._at(line.at)}  {level:<5}  {whose}{step}{line.message}"

    def _at(self, at: float | None) -> str:
        if at is None:
            return "–"
        old = abs(self._now - at) > 43_200.0
        return day_clock(at, self._now, self._zone) if old else clock_millis(at, self._zone)


def _json(line: LogLine) -> str:
    """One object a line; markers between lines have no time."""
    return json.dumps(
        {
            "at": rfc3339(line.at),
            "level": None if line.level is Level.NONE else line.level.name.lower(),
            "workflow": line.workflow,
            "run": line.run,
            "step": line.step,
            "attempt": line.attempt,
            "message": line.message,
            "detail": list(line.detail),
            "mark": line.mark,
        },
        ensure_ascii=False,
    )


def tail_of(run: str) -> str:
    """The end of a run's id, where runs differ; an id that ends in a time (Airflow's) by the time, not by its
    zone."""
    head, sign, minutes = run.rpartition("+")
    zoned = sign and len(minutes) == 5 and minutes[2] == ":" and minutes.replace(":", "").isdigit()
    return (head if zoned else run)[-8:]
