"""Settings from ``WFMON_*`` variables.

Every plain key has one: its path in capitals, joined with ``_``: ``ui.theme`` is ``WFMON_UI_THEME``,
``alerts.failure_rate.threshold`` is ``WFMON_ALERTS_FAILURE_RATE_THRESHOLD``. ``WFMON_USER`` is short
for ``WFMON_USER_NAME``. Lists are separated by commas. Sources and workflows have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wfmon.config.layers import Layer, LayerKind, Table
from wfmon.config.problems import KeyPath, Problem, dotted
from wfmon.text.sanitize import safe

_PREFIX = "WFMON_"
_SHORT = {"WFMON_USER": ("user", "name")}
_BOOLEANS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


def environment_layer(environ: Mapping[str, str], shipped: Table) -> tuple[Layer, list[Problem]]:
    """What the variables set, and what is wrong with them. ``shipped`` tells names and types.

    A variable that begins like a section but names no key of it is a problem; others are not ours.
    """
    names = [name for name in environ if name.startswith(_PREFIX)]
    if not names:
        return Layer(LayerKind.ENVIRONMENT, {}), []
    defaults = dict(_leaves(shipped, ()))
    known = {**{variable_name(path): path for path in defaults}, **_SHORT}
    values: Table = {}
    named: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    for name in sorted(names):
        path = known.get(name)
        if path is None:
            if _begins_like_a_section(name, shipped):
                problems.append(Problem(name, "", _unknown(name, list(known))))
            continue
        try:
            _set(values, path, _value(environ[name], defaults[path]))
        except ValueError as error:
            problems.append(Problem(name, dotted(path), f"wrong value {_shown(environ[name])}, {error}"))
        else:
            named[path] = name
    return Layer(LayerKind.ENVIRONMENT, values, named=named), problems


def variable_name(path: KeyPath) -> str:
    """``("ui", "theme")`` as ``WFMON_UI_THEME``."""
    return _PREFIX + "_".join(str(part) for part in path).upper()


def _leaves(table: Table, above: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, dict):
            yield from _leaves(value, path)
        elif path not in (("source",), ("workflow",), ("storage", "dir")):
            yield path, value


def _begins_like_a_section(name: str, shipped: Table) -> bool:
    return any(name.startswith(f"{_PREFIX}{section.upper()}_") for section in shipped)


def _value(text: str, default: object) -> object:
    if isinstance(default, bool):
        if text.lower() not in _BOOLEANS:
            raise ValueError("expected true or false")
        return _BOOLEANS[text.lower()]
    if isinstance(default, int | float):
        try:
            return int(text) if isinstance(default, int) else float(text)
        except ValueError:
            kind = "a whole number" if isinstance(default, int) else "a number"
            raise ValueError(f"expected {kind}") from None
    if isinstance(default, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _set(values: Table, path: KeyPath, value: object) -> None:
    table = values
    for part in path[:-1]:
        inner = table.setdefault(str(part), {})
        assert isinstance(inner, dict)
        table = inner
    table[str(path[-1])] = value


def _unknown(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    return "unknown setting" + (f", nearest known: {close[0]}" if close else "")


def _shown(text: str) -> str:
    return safe(f'"{text}"', limit=60)
