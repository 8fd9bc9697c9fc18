"""Settings from several places, one over the other, each value with the place it came from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from wfmon.config.problems import KeyPath

if TYPE_CHECKING:
    from wfmon.config.lines import KeyLines

Table = dict[str, object]


class LayerKind(StrEnum):
    """Lowest first: a later one wins."""

    SHIPPED = "shipped"
    FILE = "file"
    ENVIRONMENT = "environment"
    OPTION = "option"


class Origin(msgspec.Struct, frozen=True):
    """``where`` is ``FILE:LINE``, the variable or the option."""

    kind: LayerKind
    where: str


class Layer(msgspec.Struct, eq=False):
    """Values of one place. A file has its ``text``; variables and options have ``named``.

    ``distrust`` says why commands in this layer are not run; None: they may be.
    """

    kind: LayerKind
    values: Table
    name: str = ""
    text: str = ""
    named: Mapping[KeyPath, str] = {}
    distrust: str | None = "commands are only run from your config file"
    _lines: KeyLines | None = None

    def where(self, path: KeyPath) -> str:
        if not self.text:
            return _nearest(self.named, path) or self.name
        if self._lines is None:
            from wfmon.config.lines import KeyLines

            self._lines = KeyLines(self.text)
        line = self._lines.of(path)
        return self.name if line is None else f"{self.name}:{line}"


class Layered:
    """The merged ``values``. Tables merge key by key; everything else, lists too, is replaced."""

    def __init__(self) -> None:
        self.values: Table = {}
        self._from: dict[KeyPath, tuple[Layer, KeyPath]] = {}

    def add(self, layer: Layer) -> None:
        self._merge(self.values, layer.values, layer, ())

    def put(self, path: KeyPath, layer: Layer, layer_path: KeyPath) -> None:
        """Note that what stands at ``path`` now is what ``layer`` has at ``layer_path``."""
        self._forget(path)
        self._from[path] = (layer, layer_path)

    def source_of(self, path: KeyPath) -> tuple[Layer, KeyPath] | None:
        """The layer that set ``path`` and the path in it; None for a value that no layer set."""
        for length in range(len(path), 0, -1):
            found = self._from.get(path[:length])
            if found is not None:
                layer, layer_path = found
                return layer, layer_path + path[length:]
        return None

    def origin(self, path: KeyPath) -> Origin:
        found = self.source_of(path)
        if found is None:
            return Origin(LayerKind.SHIPPED, "")
        layer, layer_path = found
        return Origin(layer.kind, layer.where(layer_path))

    def changed(self, below: KeyPath) -> list[tuple[KeyPath, Origin]]:
        """What other layers than the shipped one say at or below ``below``, in the order in which they do,
        with the origin of each value."""
        found = self.source_of(below)
        paths = [known for known in self._from if known[: len(below)] == below]
        if not paths and found is not None:
            paths = [below]
        origins = [(path, self.origin(path)) for path in paths]
        return [(path, origin) for path, origin in origins if origin.kind is not LayerKind.SHIPPED]

    def blame(self, path: KeyPath) -> Origin:
        """Where a person has to look who wants to mend ``path``.

        A shipped value is only wrong beside another that somebody set: then that one, the nearest.
        """
        origin = self.origin(path)
        for length in range(len(path) - 1, 0, -1):
            if origin.kind is not LayerKind.SHIPPED:
                break
            near = [known for known in self._from if known[:length] == path[:length]]
            origin = max((self.origin(known) for known in near), key=_rank, default=origin)
        return origin

    def _merge(self, into: Table, values: Table, layer: Layer, above: KeyPath) -> None:
        for key, value in values.items():
            path = (*above, key)
            present = into.get(key)
            if isinstance(present, dict) and isinstance(value, dict):
                self._merge(present, value, layer, path)
            else:
                into[key] = _copy(value)
                self.put(path, layer, path)

    def _forget(self, path: KeyPath) -> None:
        below = [known for known in self._from if known[: len(path)] == path]
        for known in below:
            del self._from[known]


def _rank(origin: Origin) -> int:
    return list(LayerKind).index(origin.kind)


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value


def _nearest(named: Mapping[KeyPath, str], path: KeyPath) -> str | None:
    for length in range(len(path), 0, -1):
        if path[:length] in named:
            return named[path[:length]]
    return None
