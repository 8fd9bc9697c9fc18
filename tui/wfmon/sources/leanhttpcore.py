"""Loads httpcore without its asynchronous half, what only that needs, and the CA file of its own.

They are 6 of the 16 ms that it takes to load.
"""

from __future__ import annotations

import sys
from importlib import import_module

from wfmon.standin import Classes, StandIn, standing_in


def load() -> None:
    """To be called before anything else imports ``httpcore``; whoever wants its asynchronous half loads
    it without this."""
    if "httpcore" not in sys.modules:
        # It works without anyio, and asks certifi only where it is given no TLS settings.
        half = "httpcore._async"
        with standing_in({"anyio": None, "certifi": StandIn("certifi"), half: Classes(half)}):
            import_module("httpcore")
