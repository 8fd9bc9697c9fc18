"""Reads the new lines of a file into the fold, and gives every line its time."""

from __future__ import annotations

from wfmon.sources.logfiles import blocks
from wfmon.sources.logfiles.envelopes import read_head, read_line
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.fold import Fold
from wfmon.sources.logfiles.follow import FollowedFile
from wfmon.sources.logfiles.lines import split
from wfmon.sources.logfiles.readers import Readers, add_facts
from wfmon.sources.logfiles.times import Zone, judge_zone

FUTURE_SECONDS = 300.0
BACKWARDS_SECONDS = 60.0
_PEEK_BYTES = 16 << 10
_PEEK_LINES = 50
_TIMED_TEXT = b"0123456789[(<"
_MAX_TEXTS = 50  # lines of plain text by which a file's format is looked for
_LONGEST_TEXT = 1000
_CONTAINED = b'{"log":"'


class Digest:
    """``zone`` is the configured one for naive times; None: judged per file."""

    def __init__(self, fold: Fold, readers: Readers, zone: Zone | None, max_line: int) -> None:
        self._fold = fold
        self._readers = readers
        self._zone = zone
        self._max_line = max_line

    def read(self, file: FollowedFile, budget: int, now: float) -> int:
        """Fold what is new in ``file``, about ``budget`` bytes of it at most. Returns the bytes read.

        Raises OSError if the file cannot be read.
        """
        begin = file.offset
        if not file.placed:
            file.placed = True
            file.format, file.facts = self._readers.place(file.path)
        if file.zone is not None and not file.zone_sure and self._zone is None:
            file.zone = None  # judged on too little so far
        for offset, raw, skipped in file.lines(budget, self._max_line, self._fold.is_full):
            end = offset + len(raw) + max(skipped, 0) + file.encoding.unit
            self._take(file, offset, end, raw, skipped, now)
        if not file.behind and not file.skipping:
            self._take_partial(file, now)
        return file.offset - begin

    def _take_partial(self, file: FollowedFile, now: float) -> None:
        """A last line without newline counts once it is a whole object and no longer grows."""
        left = file.size - file.offset
        if left <= 0 or file.partial_size != file.size:
            file.partial_size = file.size
            return
        raw = file.last_partial(self._max_line)
        data = file.encoding.to_utf8(raw)
        if data.rstrip()[-1:] == b"}" and read_line(data).records:
            offset = file.offset
            file.take_partial(raw)
            self._take(file, offset, file.offset, raw, 0, now)

    def _take(self, file: FollowedFile, offset: int, end: int, raw: bytes, skipped: int, now: float) -> None:
        data = file.encoding.to_utf8(raw)
        if data[:1] == b"\0":
            data = data.lstrip(b"\0")
        if not data or data.isspace():
            return
        file.odd.lines += 1
        if file.block or data[:2] != b'{"' or data[:8] == _CONTAINED:  # what is surely a whole line is most
            whole = self._in_block(file, offset, end, data, now)
            if whole is None:
                return
            offset, data = whole
        self._take_whole(file, offset, end, data, skipped, now)

    def _in_block(
        self, file: FollowedFile, offset: int, end: int, data: bytes, now: float
    ) -> tuple[int, bytes] | None:
        """Where what the line belongs to begins, and all of it; None while its end is not there."""
        block = file.block
        if block:
            if blocks.continues(block, data) and sum(map(len, block)) < blocks.MAX_BYTES:
                block.append(data)
                if not blocks.ends(block, data):
                    return None
                file.block = []
                return file.block_at, blocks.joined(block)
            file.block = []
            for line in block:
                self._take_whole(file, file.block_at, offset, line, 0, now)
        if blocks.opens(data):
            file.block, file.block_at = [data], offset
            return None
        return offset, data

    def _take_whole(
        self, file: FollowedFile, offset: int, end: int, data: bytes, skipped: int, now: float
    ) -> None:
        format = file.format
        if skipped:
            line = read_head(data)
        elif format is None:
            line = read_line(data)
        else:
            line = read_line(data, format.mode)
        records, prefix = line
        reader = self._readers.base if format is None else self._readers.of(format)
        for record in records:
            event = reader.event(record, prefix)
            if format is None and event.plan.detected is not None:
                format = file.format = event.plan.detected
                reader = self._readers.of(format)
                file.facts = reader.facts(file.path)
                event = reader.event(record, prefix)
            if file.facts:
                add_facts(event, file.facts)
            self._stamp(event, file, now)
            self._fold.add(event, file, offset, end)
        if records:
            return
        if format is None and file.texts < _MAX_TEXTS and data[0] in _TIMED_TEXT:
            file.texts += 1
            format = file.format = self._readers.of_text(prefix[:_LONGEST_TEXT])
            reader = self._readers.of(format)
        if data[0] in _TIMED_TEXT or (format is not None and not data[:1].isspace()):
            event = reader.text_event(prefix)
            if event.time is not None:
                add_facts(event, file.facts)
                self._stamp(event, file, now)
                if format is not None:
                    self._fold.add(event, file, offset, end)
                    return
        if format is not None:
            self._fold.explain(file, prefix, offset, end)

    def _stamp(self, event: Event, file: FollowedFile, now: float) -> None:
        """Set ``event.at``: its own time, or that of the line before; never the future."""
        if event.time is None:
            file.odd.timeless += 1
            event.at = file.last_at if file.last_at is not None else min(file.mtime, now)
            return
        at = self._posix(event.time, file)
        if at > now + FUTURE_SECONDS:
            file.odd.future += 1
            file.odd.future_by = max(file.odd.future_by, at - now)
            at = min(now, file.mtime)
        elif file.last_at is not None and at < file.last_at - BACKWARDS_SECONDS:
            file.odd.backwards += 1
            file.odd.backwards_by = max(file.odd.backwards_by, file.last_at - at)
        event.at = file.last_at = at
        if file.oldest_at is None or at < file.oldest_at:
            file.oldest_at = at
        if file.newest_at is None or at > file.newest_at:
            file.newest_at = at
        if event.start is not None:
            event.start = self._sane(event.start, file, now)
        if event.end is not None:
            event.end = self._sane(event.end, file, now)
        if event.deadline is not None:
            event.deadline = self._posix(event.deadline, file), False

    def _sane(self, moment: tuple[float, bool], file: FollowedFile, now: float) -> tuple[float, bool] | None:
        at = self._posix(moment, file)
        return (at, False) if at <= now + FUTURE_SECONDS else None

    def _posix(self, moment: tuple[float, bool], file: FollowedFile) -> float:
        seconds, naive = moment
        if not naive:
            return seconds
        if self._zone is not None:
            return self._zone.posix(seconds)
        if file.zone is None:
            newest = self._newest_naive(file)
            file.zone, file.zone_sure = judge_zone(seconds if newest is None else newest, file.mtime)
        return file.zone.posix(seconds)

    def _newest_naive(self, file: FollowedFile) -> float | None:
        """The naive time of the last line in the file that has one: what its mtime is compared with."""
        if file.handle is None:
            return None
        unit = file.encoding.unit
        begin = max(file.size - _PEEK_BYTES, file.encoding.bom)
        begin -= (begin - file.encoding.bom) % unit
        lines, _ = split(file.handle.read(file.size - begin, begin), file.encoding)
        for raw in reversed(lines[-_PEEK_LINES:]):
            for event in self._readers.events(file.encoding.to_utf8(raw), file.format, {}):
                if event.time is not None and event.time[1]:
                    return event.time[0]
        return None
