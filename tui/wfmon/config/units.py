"""Durations and sizes as a person writes them."""

from __future__ import annotations

import math
import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_UNIT_ORDER = ("w", "d", "h", "m", "s", "ms")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhdw])")

_BYTES: dict[str, int] = {
    "": 1,
    "b": 1,
    **{f"{unit}b": 1000**power for power, unit in enumerate("kmgt", 1)},
    **{f"{unit}ib": 1024**power for power, unit in enumerate("kmgt", 1)},
    **{unit: 1024**power for power, unit in enumerate("kmgt", 1)},
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([A-Za-z]*)")

DURATION_FORM = 'a duration such as "250ms", "5s", "10m" or "1h30m"'
SIZE_FORM = 'a size such as "20GiB", "1.5MB" or a number of bytes'


def parse_duration(value: object) -> float:
    """Seconds of ``"1h30m"``, ``"250ms"``, ``"0"`` or a plain number; ``ValueError`` for the rest.

    >>> parse_duration("1h30m"), parse_duration("250ms"), parse_duration(90)
    (5400.0, 0.25, 90.0)
    """
    if isinstance(value, str):
        return _duration_of(value.strip())
    return _plain_number(value, DURATION_FORM)


def parse_size(value: object) -> int:
    """Bytes of ``"20GiB"`` (1024-based, as ``"20G"``), ``"1.5MB"`` (1000-based) or a plain number.

    >>> parse_size("4MiB"), parse_size("1.5MB"), parse_size(512), parse_size("2k")
    (4194304, 1500000, 512, 2048)
    """
    if not isinstance(value, str):
        return int(_plain_number(value, SIZE_FORM))
    match = _SIZE.fullmatch(value.strip())
    scale: int | None = None if match is None else _BYTES.get(match[2].lower())
    if match is None or scale is None:
        raise ValueError(f"expected {SIZE_FORM}")
    return round(float(match[1]) * scale)


def _duration_of(text: str) -> float:
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        return float(text)
    parts = _DURATION_PART.findall(text)
    units = [unit for _, unit in parts]
    whole = "".join(number + unit for number, unit in parts) == text
    if not parts or not whole or units != sorted(set(units), key=_UNIT_ORDER.index):
        raise ValueError(f"expected {DURATION_FORM}")
    return math.fsum(float(number) * _SECONDS[unit] for number, unit in parts)


def _plain_number(value: object, form: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"expected {form}")
    return float(value)
