"""The config that ``init`` writes: its text, from what was found, and how it gets into its place."""

from __future__ import annotations

import contextlib
import os
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from wfmon.config.tomltext import listed, quoted
from wfmon.model.record import dataclass
from wfmon.sources.discovery.ports import Target
from wfmon.sources.discovery.probe import Probed
from wfmon.sources.discovery.propose import Proposal, Proposed
from wfmon.text.sanitize import safe

_WIDTH = 110
_MOST_NOTES = 30

_HEAD = """\
# Written by wfmon-tui init, {when}, on {host}.
# Only what differs from the defaults is said here: wfmon-tui config show lists every setting,
# wfmon-tui config check tells what is wrong in this file, wfmon-tui doctor what each source answers.
# Where a source is named, nothing else is looked for.
"""

_NO_SOURCE = """\
# Nothing was found that could be read. While no source is named here, wfmon-tui goes on looking around.
#
# [[source]]
# name = "app logs"
# kind = "logs"
# paths = ["/var/log/wf/*.jsonl"]
#
# [[source]]
# name = "workers"
# kind = "scrape"
# urls = ["http://127.0.0.1:8000/metrics"]
"""


@dataclass(frozen=True, slots=True)
class Written:
    """What ``host`` showed at ``when``. ``probed`` was asked for its metrics; ``unasked`` could have been."""

    host: str
    when: str
    proposal: Proposal
    probed: Sequence[Probed] = ()
    unasked: Sequence[Target] = ()


def config_text(found: Written) -> str:
    """TOML with a comment on why each source is there and on what it does not tell. Valid whatever was
    found."""
    names: set[str] = set()
    blocks = [_HEAD.format(host=safe(found.host, limit=100), when=found.when)]
    named = [each for each in found.proposal.proposed if each.entry is not None]
    good = [each for each in found.probed if each.fits]
    prometheus = any(each.entry is not None and each.entry.kind == "prometheus" for each in named)
    blocks += [_proposed(each, names) for each in named]
    blocks += [_scraped(several, names, prometheus) for several in _alike(good)]
    if not named and not good:
        blocks.append(_NO_SOURCE)
    blocks += _notes(found)
    return "\n".join(blocks)


def write_config(path: Path, text: str, *, force: bool) -> None:
    """Whole or not at all, for the user alone (0600). Raises FileExistsError where there is a file and not
    ``force``, OSError where it cannot be written. A symlink stays one: what it leads to is written."""
    place = Path(os.path.realpath(path)) if force else path
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(temporary, place)
        else:
            os.link(temporary, place)  # fails where something is there, a dangling symlink too
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _proposed(each: Proposed, names: set[str]) -> str:
    entry = each.entry
    assert entry is not None
    lines = [*_comment(each.why or each.found.what), "[[source]]"]
    lines += [f"name = {quoted(_unique(entry.name, names))}", f"kind = {quoted(entry.kind)}"]
    lines += [f"url = {quoted(entry.url)}"] if entry.url else [f"paths = {listed(entry.paths)}"]
    if entry.kind == "alertmanager":
        lines.append("# allow_write = true   # acks may be shared as silences")
    return "\n".join(lines) + "\n"


def _alike(probed: Sequence[Probed]) -> list[list[Probed]]:
    """Targets of the same system that are read alike are one source: its figures are their sums."""
    found: dict[tuple[str, ...], list[Probed]] = {}
    for each in probed:
        found.setdefault((each.target.system, *(fit.name for fit in each.fits)), []).append(each)
    return list(found.values())


def _scraped(several: Sequence[Probed], names: set[str], prometheus: bool) -> str:
    fits = several[0].fits
    lines = []
    for each in several:
        lines += _comment(f"{each.target.who}, port {each.target.port}: {count_of(each)}")
    lines += _comment(f"Read with the profile of {', '.join(fit.title for fit in fits)}.")
    for fit in fits:
        alike = [one for each in several for one in each.fits if one.name == fit.name]
        there = dict.fromkeys(concept for one in alike for concept in one.there)
        lines += _comment(f"{fit.title} exposes: {' '.join(there) or 'nothing that its profile knows'}.")
        for words in fit.lacking:
            if all(words in one.lacking for one in alike):
                lines += _comment(f"  not: {words}")
    if prometheus:
        lines += _comment("If the Prometheus above scrapes it, one of the two is enough.")
    name = _unique(several[0].target.system or fits[0].name, names)
    lines += ["[[source]]", f"name = {quoted(name)}", 'kind = "scrape"']
    lines.append(f"urls = {listed([each.target.url for each in several])}")
    return "\n".join(lines) + "\n"


def _notes(found: Written) -> Iterator[str]:
    """What was found and is not read, and what was not seen."""
    words = [each.found.what for each in found.proposal.proposed if each.entry is None]
    words += [
        f"{each.target.url} of {each.target.who}: {count_of(each)}, and no profile fits"
        for each in found.probed
        if each.problem is None and not each.fits
    ]
    words += [
        f"{each.url} of {each.who} was not asked for its metrics: wfmon-tui init --probe --force asks"
        for each in found.unasked
    ]
    words += found.proposal.left
    if not words:
        return
    lines = ["# Found, and not read; not seen:"]
    for text in words[:_MOST_NOTES]:
        lines += _comment(f"- {text}")
    if len(words) > _MOST_NOTES:
        lines.append(f"# - and {len(words) - _MOST_NOTES} more: wfmon-tui doctor")
    yield "\n".join(lines) + "\n"


def count_of(each: Probed) -> str:
    """How many metrics there are, in words."""
    return f"{'at least ' if each.cut else ''}{each.names} metrics"


def _comment(text: str) -> list[str]:
    shown = safe(text, limit=1000)
    return [f"# {line}" for line in textwrap.wrap(shown, _WIDTH - 2, subsequent_indent="  ")] or ["#"]


def _unique(name: str, names: set[str]) -> str:
    found, number = name, 2
    while found in names:
        found, number = f"{name} {number}", number + 1
    names.add(found)
    return found
