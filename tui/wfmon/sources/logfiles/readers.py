"""Who reads the lines of which format. One set per thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfmon.sources.logfiles.envelopes import read_head, read_line
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.fields import FieldReader
from wfmon.sources.logfiles.formats import Format, Formats


class Readers:
    """``own`` are a user's names of fields."""

    def __init__(
        self, own: Mapping[str, Sequence[str]] | None = None, formats: Formats | None = None
    ) -> None:
        self._own = own
        self._formats = formats
        self.base = FieldReader(own, formats=formats)
        self._made: dict[str, FieldReader] = {}

    def of(self, format: Format | None) -> FieldReader:
        if format is None:
            return self.base
        made = self._made.get(format.name)
        if made is None:
            made = self._made[format.name] = FieldReader(self._own, format)
        return made

    def place(self, path: str) -> tuple[Format | None, Mapping[str, object]]:
        """The format of a file as far as its path tells it, and what the path says of each line."""
        format = self._formats.of_path(path) if self._formats is not None else None
        return format, self.of(format).facts(path)

    def of_text(self, text: str) -> Format | None:
        """The format that a line of plain text shows its file to have."""
        return self._formats.of_text(text) if self._formats is not None and self._formats.detects else None

    def events(
        self, raw: bytes, format: Format | None, facts: Mapping[str, object], *, skipped: int = 0
    ) -> list[Event]:
        """What a line says, which is as UTF-8; one event at least. ``skipped``: only its head is there."""
        line = read_head(raw) if skipped else read_line(raw, format.mode if format is not None else "auto")
        reader = self.of(format)
        events = [reader.event(record, line.prefix) for record in line.records]
        if not events:
            events = [reader.text_event(line.prefix)]
        if facts:
            for event in events:
                add_facts(event, facts)
        return events


def add_facts(event: Event, facts: Mapping[str, object]) -> None:
    """What the path says, where the line says nothing else."""
    found = event.__dict__
    for field, said in facts.items():
        found.setdefault(field, said)
    event.by_path = "step" in facts and event.step == facts["step"]
