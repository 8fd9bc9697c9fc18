"""The prices of the models that are on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wfmon.analysis.observed import ObservedRuns
from wfmon.model.prices import ModelRef, PriceBook, parts_of
from wfmon.model.record import replace
from wfmon.model.snapshot import TokenRow


def seen_refs(tokens: Iterable[TokenRow], logs: Sequence[ObservedRuns]) -> Iterator[ModelRef]:
    """Models that counters name, and those of the newest runs of each workflow."""
    for row in tokens:
        if row.model is not None:
            yield ModelRef(row.provider or "", row.model)
    for source in logs:
        for index in source.indexes.values():
            for run in (*index.recent, *index.runs.open):
                for part in parts_of(run):
                    if part.model:
                        yield ModelRef(part.provider, part.model, part.service)


def of_seen(book: PriceBook, refs: Iterable[ModelRef]) -> PriceBook:
    """``book`` with what ``refs`` need; the very book where that is all of it."""
    names = {ref.id for ref in refs}
    found = {name: unit for name, unit in book.found.items() if name in names}
    mixes = {name: mix for name, mix in book.mixes.items() if name in names}
    if len(found) == len(book.found) and len(mixes) == len(book.mixes):
        return book
    return replace(book, found=found, mixes=mixes)
