"""Which Textual is installed, and whether the places that lean on its private parts know it.

The first to import it, so it also says what Textual reads from the environment, once.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from wfmon.standin import StandIn, standing_in

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["TEXTUAL_SMOOTH_SCROLL"] = "0"
# A change is painted at the next tick of this clock: of 60 Hz, the first screen waits 30 ms for two.
os.environ["TEXTUAL_FPS"] = "250"

# First version that works, first that is not known to.
TESTED_TEXTUAL = ((8, 2, 5), (8, 3, 0))


def textual_is_known(release: str) -> bool:
    """Whether ``release`` (``8.2.8``) is in the tested range; one that is no plain number is not."""
    try:
        numbers = tuple(int(part) for part in release.split("."))
    except ValueError:
        return False
    return TESTED_TEXTUAL[0] <= numbers < TESTED_TEXTUAL[1]


def _installed_textual() -> str:
    """Its version from the name of its metadata directory: importlib.metadata costs 10 ms to import."""
    found = find_spec("textual")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("textual is not installed", name="textual")
    for name in os.listdir(os.path.dirname(os.path.dirname(found.origin))):
        if name.startswith("textual-") and name.endswith(".dist-info"):
            return name.removeprefix("textual-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("textual")


RELEASE = _installed_textual()
# Functions of these are called for links in a text, and for a mistyped word of a style sheet.
_CALLED = ("pickle", "difflib") if textual_is_known(RELEASE) else ()

with standing_in({name: StandIn(name) for name in _CALLED}):
    import textual  # noqa: F401
