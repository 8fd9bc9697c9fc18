"""Loads httpcore without what only its asynchronous half needs, and the CA file of its own.

Both are half of what it takes to load: 5 ms.
"""

from __future__ import annotations

import sys
from importlib import import_module

from wfmon.standin import StandIn, standing_in


def load() -> None:
    """To be called before anything else imports ``httpcore``; whoever wants its asynchronous half loads
    it without this."""
    if "httpcore" not in sys.modules:
        # It works without anyio, and asks certifi only where it is given no TLS settings.
        with standing_in({"anyio": None, "certifi": StandIn("certifi")}):
            import_module("httpcore")
