"""Loads httpx without its command line.

Where click happens to be installed, ``import httpx`` also loads the program of the same name, with
pygments: half of the time that the import takes, for nothing that is used here.
"""

from __future__ import annotations

import sys
from typing import Any

_modules: dict[str, Any] = sys.modules
_COMMAND_LINE = "httpx._main"

if "httpx" not in _modules:
    _modules[_COMMAND_LINE] = None  # its import fails as it does without click, which httpx expects
    try:
        import httpx
    finally:
        del _modules[_COMMAND_LINE]
else:
    import httpx

__all__ = ["httpx"]
