"""Quantiles of histograms with cumulative buckets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def histogram_quantile(q: float, buckets: Iterable[tuple[float, float]]) -> float | None:
    """One of ``histogram_quantiles``."""
    return histogram_quantiles((q,), buckets)[0]


def histogram_quantiles(
    quantiles: Sequence[float], buckets: Iterable[tuple[float, float]]
) -> list[float | None]:
    """The ``quantiles`` (0..1) of (upper bound, cumulative count) pairs; None where it is unknown.

    The algorithm of Prometheus' ``histogram_quantile`` (promql/quantile.go, ``bucketQuantile``), so
    that the same data gives the same number: linear within the bucket in which the rank q·n lies,
    b₀ + (b₁ - b₀)·(q·n - c₀)/(c₁ - c₀), with 0 below the first bound; in the ``+Inf`` bucket the
    highest finite bound. Equal bounds are added up, counts that fall are raised to their
    predecessor's. Where Prometheus says NaN (no ``+Inf`` bucket, one bucket, no observation) this
    says None.
    """
    merged: dict[float, float] = {}
    for bound, count in buckets:
        merged[bound] = merged.get(bound, 0.0) + count
    bounds = sorted(bound for bound in merged if not math.isnan(bound))
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return [None] * len(quantiles)
    counts: list[float] = []
    for bound in bounds:
        counts.append(max(merged[bound], counts[-1]) if counts else merged[bound])
    if not counts[-1] > 0:
        return [None] * len(quantiles)
    return [_quantile(q, bounds, counts) for q in quantiles]


def _quantile(q: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    rank = q * counts[-1]
    index = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if index == len(counts) - 1:
        return bounds[-2]
    if index == 0 and bounds[0] <= 0:
        return bounds[0]
    start, count = 0.0, counts[index]
    if index > 0:
        start = bounds[index - 1]
        count -= counts[index - 1]
        rank -= counts[index - 1]
    return start + (bounds[index] - start) * (rank / count)
