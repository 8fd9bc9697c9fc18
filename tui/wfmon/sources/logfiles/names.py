"""The names that a log and its rotated files have."""

from __future__ import annotations

import os
import re

_SUFFIX = re.compile(
    r"(?:[.-](?:\d{1,4}|\d{8,14}|\d{4}-\d\d-\d\d[\dT_:.-]*))?(?:\.(?:gz|zst|bz2|xz|lz4|zip))?$"
)


def group_of(path: str) -> str:
    """The name that a log and its rotated files share: ``app.log``, ``app.log.1``, ``app-2026-01-04.log``."""
    directory, name = os.path.split(path)
    stem = _SUFFIX.sub("", name)
    base, extension = os.path.splitext(stem)
    return os.path.join(directory, _SUFFIX.sub("", base) + extension)
