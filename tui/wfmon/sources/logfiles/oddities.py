"""What the sources screen says is missing or odd in the logs, in words, with what would help."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.sources.logfiles.discover import Files
from wfmon.sources.logfiles.fold import Fold
from wfmon.sources.logfiles.follow import FollowedFile
from wfmon.text.numbers import duration
from wfmon.text.sanitize import safe

_MOST = 12
_TOLD_SECONDS = 3600.0  # that lines were missed is told so long


def oddities(files: Files, fold: Fold, now: float) -> tuple[str, ...]:
    """Safe texts, the most useful first."""
    found: list[str] = []
    lines = sum(file.odd.lines for file in files.files)
    if lines and not fold.runs:
        if fold.orphans:
            found.append("runs without workflow: set workflow or fields.workflow of this source")
        else:
            found.append(f"no run in {lines} lines: set fields or workflow of this source")
    found += [f"no file matches {pattern}" for pattern in files.unmatched if pattern not in files.denied]
    found += [f"{path} is compressed: not read" for path in sorted(files.compressed)[:3]]
    found += [words for at, words in files.gaps if now - at < _TOLD_SECONDS]
    if files.left_out:
        found.append(f"{files.left_out} older files left out")
    if fold.dropped_open:
        found.append(f"{fold.dropped_open} open runs forgotten: too many at once")
    for file in files.files:
        found += _of_file(file)
    return tuple(safe(text) for text in found[:_MOST])


def formats_in_words(files: Sequence[FollowedFile]) -> tuple[str, ...]:
    """Which format how many files have; nothing while none has that of a profile."""
    counts: dict[str, int] = {}
    for file in files:
        title = file.format.title if file.format is not None else "other"
        counts[title] = counts.get(title, 0) + 1
    if counts.keys() <= {"other"}:
        return ()
    ordered = sorted(counts.items(), key=lambda item: (item[0] == "other", item[0]))
    return tuple(f"{safe(title, limit=60)} logs: {count}" for title, count in ordered)


def _of_file(file: FollowedFile) -> list[str]:
    odd, found = file.odd, []
    if odd.future:
        found.append(
            f"{odd.future} lines dated up to {duration(odd.future_by)} ahead in {file.path}: wrong clock"
        )
    if odd.backwards:
        found.append(f"time went back by {duration(odd.backwards_by)} in {file.path}")
    if odd.oversized:
        found.append(f"{odd.oversized} over-long lines cut in {file.path}")
    if odd.timeless and odd.timeless == odd.lines:
        found.append(f"no time in {file.path}: set fields.time of this source")
    return found
