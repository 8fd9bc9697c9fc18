"""The part of some settings that is free of known problems."""

from __future__ import annotations

from collections.abc import Collection

from wfmon.config.layers import Table
from wfmon.config.problems import KeyPath


def without(table: Table, wrong: Collection[KeyPath]) -> tuple[Table, dict[KeyPath, list[int]]]:
    """``table`` without the keys at ``wrong`` and without list entries that have one inside.

    Also, for each list of tables, the former indices of the entries that are left.
    """
    indices: dict[KeyPath, list[int]] = {}
    return _table(table, wrong, (), indices), indices


def _table(
    table: Table, wrong: Collection[KeyPath], above: KeyPath, indices: dict[KeyPath, list[int]]
) -> Table:
    kept: Table = {}
    for key, value in table.items():
        path = (*above, key)
        if path in wrong:
            continue
        if isinstance(value, dict):
            kept[key] = _table(value, wrong, path, indices)
        elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
            indices[path] = [index for index in range(len(value)) if _is_sound((*path, index), wrong)]
            kept[key] = [value[index] for index in indices[path]]
        else:
            kept[key] = value
    return kept


def _is_sound(path: KeyPath, wrong: Collection[KeyPath]) -> bool:
    return not any(known[: len(path)] == path for known in wrong)
