"""Numbers in the words of the verdict and of alert summaries (analysis stands on the model alone)."""

from __future__ import annotations

from datetime import datetime, tzinfo


def percent(ratio: float) -> str:
    """0.32 -> ``32%``; small ratios keep one digit: 0.008 -> ``0.8%``."""
    value = ratio * 100
    return f"{value:.1f}%" if 0 < value < 9.95 and round(value, 1) != round(value) else f"{value:.0f}%"


def span(seconds: float) -> str:
    """A duration in at most two units: ``8s``, ``5m``, ``3m12s``, ``1h30m``, ``2d``."""
    whole = max(0, round(seconds))
    for unit, size, lesser, lesser_size in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // lesser_size
            return f"{whole // size}{unit}{rest}{lesser}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def age(seconds: float) -> str:
    """One unit, rounded down: ``2h``, ``92d``."""
    whole = max(0, int(seconds))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= length:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def size(count: float) -> str:
    """Bytes in powers of 1024, one digit: ``18.2G``."""
    value = float(count)
    for unit in ("B", "K", "M", "G", "T"):
        if value < 1023.95:
            return f"{value:.0f}B" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}P"


def usd(amount: float) -> str:
    """US dollars, cents below 100: ``$4.20``, ``$123``, ``<$0.01``, ``$61.0k``."""
    if 0 < amount < 0.005:
        return "<$0.01"
    if amount < 99.995:
        return f"${amount:.2f}"
    return f"${amount:.0f}" if amount < 9_999.5 else f"${amount / 1000:.1f}k"


def clock(at: float, now: float, zone: tzinfo | None, *, seconds: bool = False) -> str:
    """``14:00``, with ``seconds`` ``14:00:07``; with the day when that is half a day away: ``Mon 14:00``,
    ``2026-03-01 14:00``."""
    moment = datetime.fromtimestamp(at, zone)
    away = abs(now - at)
    if away < 12 * 3600:
        return moment.strftime("%H:%M:%S" if seconds else "%H:%M")
    return moment.strftime("%a %H:%M" if away < 6 * 86400 else "%Y-%m-%d %H:%M")


def plural(count: int, word: str) -> str:
    """``1 warning``, ``2 warnings``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
