"""Stand-ins for modules that a library imports and this program hardly ever uses.

What a start does not need it need not load: the library gets a module whose functions load the real one
when they are called, later.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


class StandIn(ModuleType):
    """Has a function of any name; called once it has gone, it loads the real module and calls the
    one of that."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        module = self.__name__

        def real(*args: Any, **named: Any) -> Any:
            return getattr(import_module(module), name)(*args, **named)

        return real


class Classes(ModuleType):
    """Has a class of any name, for ``from ... import ...`` and as a base class; none does anything."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@contextlib.contextmanager
def standing_in(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """While it lasts, an import of ``modules`` gives these; None: it fails, as if it were not installed.
    One that is loaded already stays."""
    given = {name: module for name, module in modules.items() if name not in sys.modules}
    # None is what the import system itself takes for "not there".
    sys.modules.update(given)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in given:
            del sys.modules[name]
