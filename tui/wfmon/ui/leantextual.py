"""Loads Textual without what the app does not have.

``textual.app`` imports its command palette whether it is enabled or not, and that imports eight widgets:
15 ms, an eighth of all that Textual takes to load. It also looks for the downloads folder with a package
of its own, and draws its colours in a table for who designs a theme. Stand-ins are there meanwhile;
whoever imports them later gets the real ones. A Textual that is not known is loaded as it is.
"""

from __future__ import annotations

import sys
from importlib import import_module

from wfmon.standin import Classes, StandIn, standing_in
from wfmon.ui.textualrelease import RELEASE, textual_is_known

_PALETTE = "textual.command"
# Of these only functions are used, or classes called, when somebody asks for a screenshot or a design.
_CALLED = ("platformdirs", "rich.table")


def load() -> None:
    """To be called before anything else imports ``textual.app``."""
    if "textual.app" in sys.modules or _PALETTE in sys.modules or not textual_is_known(RELEASE):
        return
    with standing_in({_PALETTE: Classes(_PALETTE), **{name: StandIn(name) for name in _CALLED}}):
        import_module("textual.app")
