"""Values as TOML text, for files that this program writes."""

from __future__ import annotations

import json
from collections.abc import Iterable


def quoted(value: object) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def listed(values: Iterable[str]) -> str:
    return f"[{', '.join(quoted(value) for value in values)}]"
