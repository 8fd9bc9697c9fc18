"""What a profile does not find, in words: the same of a Prometheus and of a scrape."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from wfmon.model.metrics import Concept
from wfmon.sources.canonical import quantiles_of
from wfmon.sources.profile import Profile, Signal
from wfmon.text.sanitize import safe

MODELS_LIMIT = 120  # characters of the names of models without a price


def never_exposed(profile: Profile) -> list[str]:
    """What the system does not expose at all, with the setting that would, if any."""
    return [
        f"{profile.title}: {concept}: {reason}{_setting(profile, concept)}"
        for concept, reason in profile.not_exposed.items()
    ]


def not_exposed(profile: Profile, concept: Concept) -> str:
    """The profile knows metrics of ``concept``, and none of them is there."""
    if concept.value in profile.settings:
        return f"{profile.title}: {concept.value}: not exposed{_setting(profile, concept.value)}"
    return f"{concept.value}: not exposed by {profile.name}"


def no_label(profile: Profile, concept: Concept, dim: str, *, alone: bool) -> str:
    """No series of ``concept`` has a label for ``dim``. ``alone``: no other profile is in use beside."""
    by = "direction" if dim == "kind" else dim
    return f"{_of(profile, alone)}{concept.value} by {by}: label not exposed"


def no_quantiles(profile: Profile, concept: Concept, *, alone: bool) -> str:
    """There is a count and perhaps a sum, but neither buckets nor quantiles."""
    return f"{_of(profile, alone)}{concept.value} quantiles: no buckets exposed"


def other_quantiles(
    profile: Profile, concept: Concept, signal: Signal, there: Collection[float], *, alone: bool
) -> str | None:
    """Of a summary whose quantiles are not those that are shown; None where all are there."""
    lacking = [name for name, quantile in quantiles_of(signal).items() if quantile not in there]
    if not lacking:
        return None
    known = " ".join(f"{quantile:g}" for quantile in sorted(there)) or "none"
    return f"{_of(profile, alone)}{concept.value} {' '.join(lacking)}: not exposed, its quantiles are {known}"


def unpriced(profile: Profile, models: Iterable[str], *, alone: bool) -> str | None:
    """``models``: used, but without a cost (``unpriced_models``). None where there are none."""
    names = safe(", ".join(models), limit=MODELS_LIMIT)
    return f"{_of(profile, alone)}cost: no price of {names}" if names else None


def _of(profile: Profile, alone: bool) -> str:
    return "" if alone else f"{profile.title}: "


def _setting(profile: Profile, concept: str) -> str:
    setting = profile.settings.get(concept)
    return f" ({setting} exposes it)" if setting else ""
