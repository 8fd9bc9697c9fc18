"""One source explained: its state, its ages, and how each figure is got from it."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.model.source import SourceState, SourceStatus
from wfmon.text import numbers
from wfmon.ui.look import Look

_STATES = {
    SourceState.WAITING: "it has not answered yet",
    SourceState.OK: "its last answer came in time",
    SourceState.STALE: "its last answer is older than it should be: figures of it are grey",
    SourceState.DOWN: "it does not answer: figures of it are the last known",
    SourceState.OFF: "it is configured and not asked",
}


def source_words(look: Look, source: SourceStatus, now: float) -> Iterator[tuple[str, str]]:
    failure = f" ({source.failure.value})" if source.failure is not None else ""
    yield "state", f"{source.state.value}{failure}: {_STATES[source.state]}"
    if source.failing_since is not None:
        ago = numbers.duration(max(0.0, now - source.failing_since))
        yield "failing", f"for {ago}, since {look.minute(source.failing_since, now)}"
    if source.error:
        yield "why", source.error
    yield "kind", source.kind + (f", read as profile {source.profile}" if source.profile else "")
    if source.where:
        yield "where", source.where
    if source.as_of is None:
        yield "age", "nothing was ever read from it"
    else:
        age = numbers.age(max(0.0, now - source.as_of))
        yield "age", f"{age} = now - {look.clock(source.as_of)}, when its last good answer was true"
    if source.interval_seconds is not None:
        yield "asked", f"every {numbers.span(source.interval_seconds)}, each figure at its own pace at most"
    if source.latency_seconds is not None:
        yield "took", f"{numbers.latency(source.latency_seconds)} for its last answer"
    yield "sees", source.sees or "nothing yet"
    for number, words in enumerate(source.missing):
        yield "missing" if number == 0 else "", words
    for number, words in enumerate(source.apart):
        yield "in no sum" if number == 0 else "", words
    for number, words in enumerate(source.about):
        yield "about" if number == 0 else "", words
    if source.formulas:
        yield "How its figures are got", ""
    yield from source.formulas
