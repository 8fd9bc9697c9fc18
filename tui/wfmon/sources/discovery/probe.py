"""What a target answers when it is asked for its metrics, and which profiles fit; only once one agrees."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from wfmon.model.record import dataclass
from wfmon.sources.discovery.loopback import Reply, Silent, get
from wfmon.sources.discovery.ports import Target
from wfmon.sources.profile import Profile, choose_profiles, first_exposed

SECONDS = 1.0
MAX_BYTES = 1_000_000
THREADS = 8
ACCEPT = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
_SAMPLE = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[^\n]*\})?[ \t]+(?:[-+.\d]|NaN|nan|Inf|inf)")
_LEAST = 2  # lines of a page that is no exposition may look like one


@dataclass(frozen=True, slots=True)
class Fit:
    """A profile that fits: which concepts are there, and for each that is not the words of the profile."""

    name: str
    title: str
    there: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probed:
    """``names``: how many different metrics; ``cut``: at least. ``problem`` None: it is an exposition."""

    target: Target
    names: int = 0
    fits: tuple[Fit, ...] = ()
    cut: bool = False
    problem: str | None = None


def probe(targets: Sequence[Target], profiles: Sequence[Profile]) -> tuple[Probed, ...]:
    """Asks each once, some at the same time; the answers in the order of ``targets``."""
    found: dict[int, Probed] = {}
    waiting: SimpleQueue[int] = SimpleQueue()
    for index in range(len(targets)):
        waiting.put(index)

    def work() -> None:
        while True:
            try:
                index = waiting.get_nowait()
            except Empty:
                return
            found[index] = probe_one(targets[index], profiles)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(THREADS, len(targets)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    missing = "could not be asked: an error in wfmon-tui"
    return tuple(found.get(n, Probed(target, problem=missing)) for n, target in enumerate(targets))


def probe_one(target: Target, profiles: Sequence[Profile]) -> Probed:
    try:
        reply = get(
            target.address, target.port, target.path, seconds=SECONDS, max_bytes=MAX_BYTES, accept=ACCEPT
        )
    except Silent as error:
        return Probed(target, problem=str(error))
    if reply.status != 200:
        return Probed(target, problem=f"answers with status {reply.status}")
    names = names_of(reply)
    if len(names) < _LEAST:
        return Probed(target, problem="answers with a page that is no exposition")
    fits = tuple(_fit(profile, names) for profile in choose_profiles(profiles, names))
    return Probed(target, len(names), fits, reply.cut)


def names_of(reply: Reply) -> frozenset[str]:
    """The names of samples; the last line of an answer that was cut is left out."""
    lines = reply.body.split(b"\n")
    if reply.cut:
        lines.pop()
    matches = (_SAMPLE.match(line) for line in lines)
    return frozenset(match[1].decode("ascii") for match in matches if match is not None)


def _fit(profile: Profile, names: frozenset[str]) -> Fit:
    there = [
        concept
        for concept, signals in profile.signals.items()
        if any(first_exposed(signal, names) is not None for signal in signals)
    ]
    lacking = [
        f"{concept}: {words}{_setting(profile, concept)}" for concept, words in profile.not_exposed.items()
    ]
    lacking += [
        f"{concept}: not exposed now{_setting(profile, concept)}"
        for concept in profile.signals
        if concept not in there
    ]
    return Fit(profile.name, profile.title, tuple(there), tuple(lacking))


def _setting(profile: Profile, concept: str) -> str:
    setting = profile.settings.get(concept)
    return f" ({setting} exposes it)" if setting else ""
