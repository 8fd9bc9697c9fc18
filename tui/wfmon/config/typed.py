"""From merged values to the typed ``Config``, or to everything that has the wrong type or name."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from wfmon.config.layers import Table
from wfmon.config.problems import Finding, KeyPath, dotted
from wfmon.config.schema import Auth, Config, Duration, Size
from wfmon.config.units import DURATION_FORM, SIZE_FORM, parse_duration, parse_size
from wfmon.text.sanitize import safe

_FORMS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    Duration: DURATION_FORM,
    Size: SIZE_FORM,
    list[str]: 'a list of texts such as ["a", "b"]',
    dict[str, str]: 'a table of texts such as { name = "text" }',
    dict[str, list[str]]: 'a table of lists such as { name = ["a", "b"] }',
}


def decode(values: Table) -> Config:
    """The typed settings; ``msgspec.ValidationError`` for the first thing that is wrong."""
    return msgspec.convert(values, Config, dec_hook=_decode_unit)


def type_findings(values: Table) -> list[Finding]:
    """Every unknown key, missing key and wrong type in ``values``, not only the first."""
    return list(_walk(values, Config, ()))


def _decode_unit(wanted: type, value: object) -> object:
    if wanted is Duration:
        return Duration(parse_duration(value))
    if wanted is Size:
        return Size(parse_size(value))
    raise NotImplementedError(f"no way to read a {wanted.__name__} from a config")


def _walk(value: object, wanted: Any, path: KeyPath) -> Iterator[Finding]:
    wanted = _without_none(wanted)
    if _is_struct(wanted):
        yield from _walk_table(value, wanted, path)
        return
    inner = get_args(wanted)
    if get_origin(wanted) is list and _is_struct(inner[0]):
        if isinstance(value, list):
            for index, entry in enumerate(value):
                yield from _walk(entry, inner[0], (*path, index))
        else:
            yield path, f"is not a list, expected tables that begin with [[{dotted(path)}]]"
        return
    try:
        msgspec.convert(value, wanted, dec_hook=_decode_unit)
    except msgspec.ValidationError:
        if isinstance(value, list) and get_origin(_element(wanted)) is Literal:
            for index, inner in enumerate(value):
                yield from _walk(inner, _element(wanted), (*path, index))
        else:
            yield path, _wrong_value(value, wanted, path)


def _walk_table(value: object, struct: type[msgspec.Struct], path: KeyPath) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield path, f"is not a table, expected [{dotted(path)}] with keys of its own"
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for key, inner in value.items():
        if key in fields:
            yield from _walk(inner, fields[key].type, (*path, key))
        else:
            yield (*path, key), _unknown_key(key, list(fields), path)
    for name, field in fields.items():
        if field.required and name not in value:
            yield path, f"{name} is missing, expected {_form(field.type)}"


def _unknown_key(key: str, known: list[str], path: KeyPath) -> str:
    import difflib

    close = difflib.get_close_matches(key, known, 1)
    if close:
        return f"unknown key, nearest known key: {dotted((*path, close[0]))}"
    elsewhere = [leaf for leaf in _all_keys(Config, ()) if leaf[-1] == key]
    if elsewhere:
        return f"unknown key here, nearest known key: {dotted(elsewhere[0])}"
    return f"unknown key, expected one of: {', '.join(known)}"


def _all_keys(wanted: Any, path: KeyPath) -> Iterator[KeyPath]:
    wanted = _without_none(wanted)
    if get_origin(wanted) is list:
        wanted = get_args(wanted)[0]
    if path:
        yield path
    if _is_struct(wanted):
        for field in msgspec.structs.fields(wanted):
            yield from _all_keys(field.type, (*path, field.encode_name))


def _wrong_value(value: object, wanted: Any, path: KeyPath) -> str:
    text = f"wrong value {_shown(value, path)}, expected {_form(wanted)}"
    if get_origin(wanted) is Literal and isinstance(value, str):
        import difflib

        close = difflib.get_close_matches(value, get_args(wanted), 1)
        if close:
            text += f', nearest: "{close[0]}"'
    return text


def _shown(value: object, path: KeyPath) -> str:
    """The value for a message; what may be a secret is not repeated."""
    if any(part in Auth.__struct_fields__ for part in path[2:]):
        return "(not shown)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        from wfmon.text.redact import redact

        return safe(redact(f'"{value}"'), limit=60)
    if isinstance(value, dict | list):
        return "(a table)" if isinstance(value, dict) else "(a list)"
    return safe(str(value), limit=60)


def _form(wanted: Any) -> str:
    wanted = _without_none(wanted)
    if get_origin(wanted) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(wanted))
    if _is_struct(wanted):
        return "a table"
    return _FORMS.get(wanted, "another type")


def _element(wanted: Any) -> Any:
    """What a list is of; None: it is no list."""
    return get_args(wanted)[0] if get_origin(wanted) is list else None


def _without_none(wanted: Any) -> Any:
    if get_origin(wanted) in (Union, UnionType):
        return next(choice for choice in get_args(wanted) if choice is not type(None))
    return wanted


def _is_struct(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)
