"""What a page reader may know of the files: a frozen picture, taken at the end of each poll."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wfmon.model.record import dataclass, field
from wfmon.sources.logfiles.follow import FollowedFile, Handle, Key
from wfmon.sources.logfiles.lines import Encoding
from wfmon.sources.logfiles.times import Zone

if TYPE_CHECKING:
    from wfmon.sources.logfiles.formats import Format


@dataclass(frozen=True, slots=True)
class FileView:
    """``end`` is behind the last line that was read; ``mixed`` tells that lines do not name their
    workflow, or not as it is shown."""

    number: int
    path: str
    key: Key
    handle: Handle | None
    encoding: Encoding
    zone: Zone | None
    group: str
    end: int
    oldest_at: float | None
    newest_at: float | None
    whole: bool
    workflows: frozenset[str]
    mixed: bool
    format: Format | None
    facts: Mapping[str, object]

    @classmethod
    def of(cls, file: FollowedFile) -> FileView:
        return cls(
            file.number,
            file.path,
            file.key,
            file.handle,
            file.encoding,
            file.zone,
            file.group,
            file.offset,
            file.oldest_at,
            file.newest_at,
            file.whole,
            frozenset(file.workflows),
            file.odd.unnamed > 0 or file.format is not None,
            file.format,
            file.facts,
        )

    def open(self) -> Handle | None:
        """A handle of one's own on this very file, to be closed; None if it is gone."""
        lent = self.handle.lend() if self.handle is not None else None
        if lent is not None:
            return lent
        try:
            handle = Handle.open(self.path)
        except OSError:
            return None
        if handle is not None:
            status = handle.stat()
            if (status.st_dev, status.st_ino) == self.key:
                return handle
            handle.close()
        return None


@dataclass(frozen=True, slots=True)
class LogView:
    """``retired`` says, by file number, what became of files that are not read any more."""

    files: tuple[FileView, ...] = ()
    retired: dict[int, str] = field(default_factory=dict)
