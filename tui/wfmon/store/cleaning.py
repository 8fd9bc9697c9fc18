"""Makes what another process wrote fit to be shown: texts safe, numbers such as a screen can hold.

Decoding has already checked the types; this checks what types cannot say. A number that nobody can
mean becomes unknown where it may be, else the whole is refused.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from wfmon.model.record import replace
from wfmon.store.rows import is_time
from wfmon.text.sanitize import safe

Cleaner = Callable[[Any], Any]
LONGEST = 20_000  # elements of anything
_LARGEST = 1e15  # amounts of money, bytes, seconds
_LARGEST_INT = 2**63
# Fields that are moments: what shows them cannot show a moment that no calendar has.
_MOMENT = re.compile(r"(?:.*_)?(?:at|since|until|as_of|before|oldest|newest)\Z")


class Unclean(Exception):
    """It can only be refused; says what is wrong without quoting it."""


@cache
def cleaner(kind: Any, *, moment: bool = False) -> Cleaner | None:
    """What cleans values of a type; None where there is nothing to clean. ``moment``: numbers are POSIX
    seconds."""
    if kind is str:
        return safe
    if kind is float:
        return _moment if moment else _number
    if kind is int:
        return _whole
    if isinstance(kind, type) and (kind in (bool, type(None)) or issubclass(kind, Enum)):
        return None
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(arguments, moment)
    if origin is tuple:
        return _tuple(arguments, moment)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(*arguments)
    if isinstance(origin, type) and issubclass(origin, AbstractSet):
        return _bounded
    if hasattr(kind, "__dataclass_fields__"):
        return _record(kind)
    raise TypeError(f"no way to clean {kind}")


def _number(value: float) -> float:
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise Unclean("a number that nobody can mean")
    return value


def _moment(value: float) -> float:
    if not is_time(value):
        raise Unclean("a moment that no calendar has")
    return value


def _whole(value: int) -> int:
    if abs(value) >= _LARGEST_INT:
        raise Unclean("a number that nobody can mean")
    return value


def _optional(kinds: tuple[Any, ...], moment: bool) -> Cleaner | None:
    """Of one type or nothing: a number that nobody can mean is nothing."""
    inner = [kind for kind in kinds if kind is not type(None)]
    if len(inner) != 1:
        raise TypeError(f"no way to clean {kinds}")
    clean = cleaner(inner[0], moment=moment)
    if clean is None:
        return None
    if inner[0] in (int, float):

        def number(value: Any) -> Any:
            try:
                return None if value is None else clean(value)
            except Unclean:
                return None

        return number
    return lambda value: None if value is None else clean(value)


def _tuple(kinds: tuple[Any, ...], moment: bool) -> Cleaner:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        each = cleaner(kinds[0], moment=moment)
        return _bounded if each is None else lambda values: _mapped(_bounded(values), each)
    cleaners = [cleaner(kind, moment=moment) for kind in kinds]

    def fixed(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            value if clean is None else clean(value) for clean, value in zip(cleaners, values, strict=True)
        )

    return fixed


def _mapped(values: tuple[Any, ...], clean: Cleaner) -> tuple[Any, ...]:
    return tuple(map(clean, values))


def _bounded(values: Any) -> Any:
    if len(values) > LONGEST:
        raise Unclean(f"{len(values)} of a kind")
    return values


def _mapping(key: Any, value: Any) -> Cleaner:
    keys, values = cleaner(key) or _same, cleaner(value) or _same

    def clean(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
        return {keys(name): values(each) for name, each in _bounded(mapping).items()}

    return clean


def _same(value: Any) -> Any:
    return value


def _record(kind: type) -> Cleaner:
    hints = get_type_hints(kind)
    cleaners = [
        (name, found)
        for name, hint in hints.items()
        if (found := cleaner(hint, moment=_MOMENT.match(name) is not None)) is not None
    ]

    def clean(record: Any) -> Any:
        changes = {}
        for name, each in cleaners:
            before = getattr(record, name)
            after = each(before)
            if after is not before:
                changes[name] = after
        return replace(record, **changes) if changes else record

    return clean
