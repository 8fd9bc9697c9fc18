"""What a Prometheus does not tell, in the words of the scraper."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from wfmon.model.metrics import Concept, MetricsSample
from wfmon.sources.canonical import TIMED, unpriced_models
from wfmon.sources.missing import (
    never_exposed,
    no_label,
    no_quantiles,
    not_exposed,
    other_quantiles,
    unpriced,
)
from wfmon.sources.profile import Profile, first_exposed
from wfmon.sources.prometheus_figures import Figures
from wfmon.sources.prometheus_fit import Fitting
from wfmon.sources.prometheus_plan import ORDER
from wfmon.sources.prometheus_queries import Forms, forms_of
from wfmon.sources.promql import Op
from wfmon.text.sanitize import safe

FEW = 3  # profiles of which the very metrics are named


def nothing_known(profiles: Sequence[Profile]) -> str:
    if len(profiles) > FEW:
        titles = safe(", ".join(profile.title for profile in profiles), limit=400)
        return f"no known metric: looked for those of {titles}"
    detects = [e if isinstance(e, str) else " with ".join(e) for p in profiles for e in p.detect]
    looked_for = safe(", ".join(detects), limit=200) or "nothing, no profile is enabled"
    return f"no known metric: looked for {looked_for}"


def missing_words(
    figures: Figures, sample: MetricsSample, asked: Collection[Concept], *, alone: bool
) -> Iterator[str]:
    """What no series says, and which labels nobody exposes. ``asked``: the concepts that were asked for;
    ``alone``: no other profile is in use."""
    profile = figures.fitting.profile
    yield from never_exposed(profile)
    for concept in ORDER:
        signals = profile.signals_of(concept)
        if signals and not any(first_exposed(signal, figures.fitting.names) for signal in signals):
            yield not_exposed(profile, concept)
        elif signals and concept in asked and concept not in figures.exposed:
            yield f"{'' if alone else f'{profile.title}: '}{concept.value}: no series now"
        if concept in TIMED and concept in figures.exposed:
            for forms in forms_of(figures.fitting, concept, 1.0):
                yield from _quantile_words(figures.fitting, concept, forms, alone=alone)
    for concept, kept in figures.labels_kept.items():
        seen = figures.labels_seen[concept]
        for dim in ("workflow", "status", "model", "kind"):
            wanted = dim != "status" or concept is Concept.RUNS
            if wanted and concept in figures.exposed and dim in kept and dim not in seen:
                yield no_label(profile, concept, dim, alone=alone)
    if profile.zero_cost_is_unpriced:
        words = unpriced(profile, unpriced_models(sample.tokens, sample.cost), alone=alone)
        if words is not None:
            yield words


def _quantile_words(fitting: Fitting, concept: Concept, forms: Forms, *, alone: bool) -> Iterator[str]:
    signal, parts = forms.signal, forms.parts()
    if not parts or Op.BUCKET in parts or {Op.P50, Op.P95} <= parts.keys():
        return
    spelt = fitting.quantiles.get(forms.metric)
    if spelt:
        there = [float(text) for text in spelt if text.replace(".", "", 1).isdecimal()]
        words = other_quantiles(fitting.profile, concept, signal, there, alone=alone)
        if words is not None:
            yield words
    elif signal.type != "gauge" and signal.expr is None:
        yield no_quantiles(fitting.profile, concept, alone=alone)
