"""Loads Textual without its command palette, which the app does not have.

``textual.app`` imports it whether it is enabled or not, and it imports eight widgets: 15 ms, an eighth
of all that Textual takes to load. An empty module stands in for it meanwhile; whoever imports
``textual.command`` later gets the real one. A Textual that is not known is loaded as it is.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from wfmon.ui.textualrelease import RELEASE, textual_is_known

_PALETTE = "textual.command"


class _Empty(ModuleType):
    """Has a class of any name, for ``from textual.command import ...`` and as a base class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def load() -> None:
    """To be called before anything else imports ``textual.app``."""
    if "textual.app" in sys.modules or _PALETTE in sys.modules or not textual_is_known(RELEASE):
        return
    sys.modules[_PALETTE] = _Empty(_PALETTE)
    try:
        import_module("textual.app")
    finally:
        del sys.modules[_PALETTE]
