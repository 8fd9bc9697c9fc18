"""``dataclass``, ``field`` and ``replace`` as the program uses them: slots always, quick to import.

Type checkers see the standard ones; see ``recordclass`` for what runs.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:
    from wfmon.model.recordclass import dataclass, replace

__all__ = ["dataclass", "field", "replace"]
