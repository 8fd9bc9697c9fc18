"""Where a system stands between a workflow and its model, and whose figures make up the totals.

A workflow engine runs a workflow, its instrumented code calls a gateway, the gateway a model server:
all four may be watched, and one call is then told up to four times. Figures of every system have rows
of their own; only those of one layer are added up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from wfmon.model.metrics import Concept
from wfmon.model.record import dataclass


class Layer(StrEnum):
    """``ENGINE``: runs workflows, or is a workflow that reports itself; ``AGENT``: instrumented code that
    calls models; ``GATEWAY``: passes calls on; ``SERVER``: computes them; ``HOST``: the machine below."""

    ENGINE = "engine"
    AGENT = "agent"
    GATEWAY = "gateway"
    SERVER = "server"
    HOST = "host"


# Who is believed first. A run is what the outermost layer says; of what models were given and cost, the
# gateway sees most and prices it.
OUTERMOST = (Layer.ENGINE, Layer.AGENT, Layer.GATEWAY, Layer.SERVER, Layer.HOST)
MOST_SEEN = (Layer.GATEWAY, Layer.AGENT, Layer.ENGINE, Layer.SERVER, Layer.HOST)
_USED = frozenset({Concept.TOKENS, Concept.COST, Concept.CALLS})


@dataclass(frozen=True, slots=True)
class Part:
    """One profile of one source, as far as it matters here. Logs are a part of the layer ENGINE."""

    profile: str
    layer: Layer


def rank(layer: Layer) -> int:
    """The order in which profiles are looked at and shown."""
    return OUTERMOST.index(layer)


def counted(concept: Concept, parts: Collection[Part], totals: Sequence[str] = ()) -> frozenset[str]:
    """The profiles, of those that tell ``concept``, whose figures are added up in totals.

    ``totals``: profiles of which the user says that they count nothing twice; where any of them is there,
    it is these. Else it is the first layer that is there: all of its engines, which run different
    things, but of agents, gateways and servers only the first by name, because two of them may have seen
    the same call.
    """
    names = {part.profile for part in parts}
    chosen = names.intersection(totals)
    if chosen:
        return frozenset(chosen)
    for layer in MOST_SEEN if concept in _USED else OUTERMOST:
        there = sorted({part.profile for part in parts if part.layer is layer})
        if there:
            return frozenset(there if layer is Layer.ENGINE else there[:1])
    return frozenset()


def counted_by_concept(
    parts: Mapping[Part, Collection[Concept]], totals: Sequence[str] = ()
) -> dict[Concept, frozenset[str]]:
    """``counted`` for every concept that any of ``parts`` tells."""
    concepts = {concept for told in parts.values() for concept in told}
    return {
        concept: counted(concept, [part for part, told in parts.items() if concept in told], totals)
        for concept in concepts
    }
