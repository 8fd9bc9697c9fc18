"""The sample names that profiles know, and what each is to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from wfmon.model.metrics import Concept
from wfmon.sources.feeds import CONCEPTS, GROWING, SPENT, Part, parts_there, sample_parts
from wfmon.sources.profile import Profile, Signal, choose_profiles, first_exposed
from wfmon.sources.targetlabels import TARGET_INFO


class Vocabulary:
    """Of ``profiles``, worked out once for all targets of a source.

    ``wanted``: every name that any could use, for figures, detection and joins. ``joined``: those whose
    labels are read with the series of others. ``runs``, ``spent``, ``rest``: those that count runs, what
    was spent (tokens, cost), and the rest (buckets included); one may count several. ``always``: counters
    that begin at 0 together with their target.
    """

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self.profiles = tuple(profiles)
        self.joined = joined_names(profiles)
        counters: dict[Concept, set[str]] = {}
        always: set[str] = set()
        wanted = set(self.joined)
        for profile in profiles:
            wanted.update(_detected(profile))
            for concept, signal, name, part in _samples(profile):
                wanted.add(name)
                if part in GROWING:
                    counters.setdefault(concept, set()).add(name)
                    always.update((name,) if signal.lazy == "always" else ())
        self.runs = frozenset(counters.pop(Concept.RUNS, ()))
        self.spent = frozenset().union(*(counters.pop(concept, ()) for concept in SPENT))
        self.rest = frozenset().union(*counters.values())
        self.always = frozenset(always)
        self.wanted = frozenset(wanted)

    @cached_property
    def stamp(self) -> str:
        """Stands for the names that are wanted: another for others."""
        return digest(sorted(self.wanted), 16)

    def used(self, fitting: Collection[Profile], names: Collection[str]) -> frozenset[str]:
        """Those of the exposed ``names`` of which the figures of ``fitting`` need the samples, or of a
        profile that replaces one of them by what another target exposes; of all where none fits."""
        used = set(self.joined)
        mine = {profile.name for profile in fitting}
        for profile in self.profiles:
            if mine and profile.name not in mine and mine.isdisjoint(profile.replaces):
                continue
            for concept in CONCEPTS:
                for signal in profile.signals_of(concept):
                    metric = first_exposed(signal, names)
                    if metric is not None and signal.expr is None:
                        used.update(parts_there(concept, signal, metric, names))
        return frozenset(used.intersection(names))

    def fitting(self, names: Collection[str]) -> tuple[Profile, ...]:
        return choose_profiles(self.profiles, names)


def digest(words: Iterable[str], digits: int) -> str:
    from hashlib import sha256  # 2 ms, not needed before

    return sha256("\n".join(words).encode("utf-8", "replace")).hexdigest()[:digits]


def joined_names(profiles: Iterable[Profile]) -> frozenset[str]:
    names = {table["metric"] for profile in profiles for table in profile.names.values()}
    return frozenset(names | {TARGET_INFO for profile in profiles if profile.target_labels})


def _detected(profile: Profile) -> Iterator[str]:
    """Names that say which profile fits, and which signal is looked at."""
    for entry in profile.detect:
        for name in [entry] if isinstance(entry, str) else entry:
            yield from (name, f"{name}_count")
    for concept in CONCEPTS:
        for signal in profile.signals_of(concept):
            for name in (*signal.needs, *signal.unless):
                yield from (name, f"{name}_count")
            for name in signal.metrics:
                yield f"{name}_count"


def _samples(profile: Profile) -> Iterator[tuple[Concept, Signal, str, Part]]:
    for concept in CONCEPTS:
        for signal in profile.signals_of(concept):
            for metric in signal.metrics:
                for name, part in sample_parts(concept, signal, metric).items():
                    yield concept, signal, name, part
