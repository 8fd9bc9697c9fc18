"""How figures are got from scraped series, in words: by figure, what is done with which of them."""

from __future__ import annotations

from collections.abc import Iterable

from wfmon.model.metrics import Concept
from wfmon.sources.canonical import counted_window
from wfmon.sources.feeds import Feeds, Part
from wfmon.sources.profile import Signal
from wfmon.text.numbers import age
from wfmon.text.sanitize import safe

Formulas = tuple[tuple[str, str], ...]

LONGEST = 4000  # characters of one formula
MOST = 60  # formulas of one source


def scraped(feeds: Iterable[Feeds], run_window: float, rate: float) -> Formulas:
    """What is done with the series of the targets; windows in seconds."""
    found = {
        (concept.value, _operation(concept, part, signal, name, run_window, rate)): None
        for one in feeds
        for name, concept, part, signal in one.read()
    }
    return tuple((figure, safe(words, limit=LONGEST)) for figure, words in list(found)[:MOST])


def _operation(
    concept: Concept, part: Part, signal: Signal, name: str, run_window: float, rate: float
) -> str:
    window = age(run_window if concept is Concept.RUNS else rate)
    if part is Part.COUNTER:
        return f"growth of {name} over {window} at least, counter resets taken into account"
    if part is Part.BUCKET:
        return f"p50 and p95 of the growth of {name} over {window}"
    if part is Part.SEEN:
        return f"observations: growth of {name} over {window}"
    if part is Part.QUANTILE:
        return f"{name} as its target tells it"
    counted = counted_window(concept, signal)
    if counted is not None:
        return f"{signal.agg} of {name} now, which counts over {age(counted)} itself"
    return f"{signal.agg} of {name} now"
