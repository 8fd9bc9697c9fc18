"""How low a failure ratio may truly be, given what was seen."""

from __future__ import annotations

from math import sqrt


def lower_bound(failed: float, n: float, z: float) -> float:
    """Lower end of the Wilson score interval of ``failed / n``, 0..1; 0 for ``n`` 0.

    ``z`` is the one-sided normal quantile (2.3263: 99 %). Wilson, E. B. (1927), Probable inference,
    the law of succession, and statistical inference, JASA 22, 209-212:
    (p + z²/2n - z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Raises ValueError unless 0 <= failed <= n.
    """
    if not 0 <= failed <= n:
        raise ValueError(f"failed={failed} is not within 0..n={n}")
    if n == 0:
        return 0.0
    p = failed / n
    z2 = z * z
    bound = (p + z2 / (2 * n) - z * sqrt(p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return min(p, max(0.0, bound)) if failed else 0.0
