"""JSON Schema of a config file, from the same types that read it."""

from __future__ import annotations

from typing import Any

import msgspec

from wfmon.config.schema import Config, Duration, Size

# Tables that have no shipped entry to fill them up: what they require stays required.
_ENTRIES = ("Source", "Workflow", "StorageDir")


def config_schema() -> dict[str, Any]:
    """The schema of a user's file, which may leave out whatever the shipped one says."""
    schema = msgspec.json.schema(Config, schema_hook=_unit_schema)
    for name, table in schema.get("$defs", {}).items():
        if name not in _ENTRIES:
            table.pop("required", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wfmon-tui config.toml",
        **schema,
    }


def _unit_schema(unit: type) -> dict[str, Any]:
    if unit is Duration:
        return {"type": ["string", "number"], "description": "duration: 250ms 5s 10m 1h30m 2d, or seconds"}
    if unit is Size:
        return {"type": ["string", "number"], "description": "size: 20GiB 1.5MB, or bytes"}
    raise NotImplementedError(unit.__name__)
