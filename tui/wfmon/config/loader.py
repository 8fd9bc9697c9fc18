"""From files, environment and options to one typed ``Config``.

Each layer says only what differs from the one below: the shipped ``config.toml``, the user's file,
``WFMON_*`` variables, options.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

from wfmon.config.environment import environment_layer
from wfmon.config.layers import Layer, Layered, LayerKind, Origin, Table
from wfmon.config.problems import ConfigError, Finding, KeyPath, Problem, dotted
from wfmon.config.prune import without
from wfmon.config.resources import shipped_config, theme_names, user_config
from wfmon.config.schema import Config
from wfmon.config.typed import decode, type_findings
from wfmon.config.validate import findings
from wfmon.text.sanitize import safe

_MAX_BYTES = 4 * 1024 * 1024
_LISTS = ("source", "workflow", "budget")
_TOML_PLACE = re.compile(r" ?\(at (?:line (\d+), column \d+|end of document)\)$")


class Overlay(msgspec.Struct, frozen=True):
    """Settings from the command line.

    ``values`` are tables as in a file. ``sources`` replace the other sources of their kinds.
    ``source_interval`` (seconds) is for every source. ``named`` says which option set a key: ``("ui",
    "theme")``, ``("sources", 0)``, ``("source_interval",)``.
    """

    values: Table = {}
    sources: tuple[Table, ...] = ()
    source_interval: float | None = None
    named: Mapping[KeyPath, str] = {}


class Loaded(msgspec.Struct, frozen=True):
    """The settings, and where each came from. ``file`` is the user's config, there or not."""

    config: Config
    file: Path
    file_found: bool
    layered: Layered

    def origin(self, path: KeyPath) -> Origin:
        """Where the value at ``path`` (``("ui", "theme")``, ``("source", 0, "url")``) was set."""
        return self.layered.origin(path)


def load_config(
    file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    overlay: Overlay | None = None,
) -> Loaded:
    """The settings of all layers; ``ConfigError`` with everything that is wrong.

    ``file`` None: the user's config, if there is one. A named file must exist.
    """
    environ = os.environ if environ is None else environ
    overlay = Overlay() if overlay is None else overlay
    shipped = _shipped_layer()
    path = user_config(environ) if file is None else Path(file)
    found = file is not None or _exists(path)
    environment, problems = environment_layer(environ, shipped.values)

    layered = Layered()
    layered.add(shipped)
    if found:
        layered.add(_file_layer(path, LayerKind.FILE))
    layered.add(environment)
    _add_options(layered, overlay)
    _name_sources(layered.values)

    try:
        config = decode(layered.values)
    except msgspec.ValidationError:
        wrong = type_findings(layered.values)
        wrong += _other_findings(layered, wrong, environ)
    else:
        wrong = _rule_findings(config, layered, environ, range(len(config.source)))
        if not wrong and not problems:
            return Loaded(config, path, found, layered)
    problems += [_located(finding, layered) for finding in wrong]
    raise ConfigError(sorted(problems, key=_place))


def shipped_values() -> Mapping[str, object]:
    """The shipped settings as they are written; not to be changed."""
    return _shipped_layer().values


@cache
def _shipped_layer() -> Layer:
    return _file_layer(shipped_config(), LayerKind.SHIPPED)


def _file_layer(path: Path, kind: LayerKind) -> Layer:
    shown = safe(str(path), limit=500)
    try:
        with open(path, "rb") as stream:
            facts = os.fstat(stream.fileno())
            raw = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError([Problem(shown, "", f"cannot be read: {reason}")]) from error
    if len(raw) > _MAX_BYTES:
        raise ConfigError([Problem(shown, "", "is larger than 4 MiB, expected a config file")])
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(f"{shown}:{line}", "", "is not UTF-8 text")]) from error
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ConfigError([_syntax_problem(shown, text, error)]) from error
    distrust = _why_distrusted(facts) if kind is LayerKind.FILE else None
    return Layer(kind, values, name=shown, text=text, distrust=distrust)


def _syntax_problem(shown: str, text: str, error: Exception) -> Problem:
    message = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    place = _TOML_PLACE.search(message)
    if place is None:
        return Problem(shown, "", f"not TOML: {safe(message, limit=200)}")
    line = place[1] or str(text.count("\n") + 1)
    return Problem(f"{shown}:{line}", "", f"not TOML: {safe(message[: place.start()], limit=200)}")


def _exists(path: Path) -> bool:
    """Whether there is something at ``path``; what cannot be looked at counts as there and is told."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _why_distrusted(facts: os.stat_result) -> str | None:
    if facts.st_uid != os.geteuid():
        return "commands are only run from a config file that you own"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write this config file (chmod go-w)"
    return None


def _add_options(layered: Layered, overlay: Overlay) -> None:
    options = Layer(LayerKind.OPTION, overlay.values, named=overlay.named)
    layered.add(options)
    values = layered.values
    for name in _LISTS:
        values.setdefault(name, [])
    sources = values["source"]
    if not isinstance(sources, list):
        return
    if overlay.sources:
        sources = _replace_sources(layered, sources, overlay, options)
    if overlay.source_interval is not None:
        for index, entry in enumerate(sources):
            if isinstance(entry, dict):
                entry["interval"] = overlay.source_interval
                layered.put(("source", index, "interval"), options, ("source_interval",))


def _replace_sources(
    layered: Layered, present: list[object], overlay: Overlay, options: Layer
) -> list[object]:
    kinds = {source["kind"] for source in overlay.sources}
    kept = [index for index, entry in enumerate(present) if not _is_of_kind(entry, kinds)]
    origins = [layered.source_of(("source", index)) for index in kept]
    sources: list[object] = [present[index] for index in kept]
    sources += [dict(source) for source in overlay.sources]
    layered.values["source"] = sources
    layered.put(("source",), options, ("sources",))
    for index, origin in enumerate(origins):
        if origin is not None:
            layered.put(("source", index), *origin)
    for index in range(len(overlay.sources)):
        layered.put(("source", len(kept) + index), options, ("sources", index))
    return sources


def _is_of_kind(entry: object, kinds: set[object]) -> bool:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    return isinstance(kind, str) and kind in kinds


def _name_sources(values: Table) -> None:
    """A source without a name is called by its kind; the second of them ``scrape 2``."""
    sources = values["source"]
    if not isinstance(sources, list):
        return
    entries = [entry for entry in sources if isinstance(entry, dict)]
    taken = {name for entry in entries if isinstance(name := entry.get("name"), str)}
    for entry in entries:
        if entry.get("name", "") != "" or not isinstance(entry.get("kind"), str):
            continue
        name, number = entry["kind"], 2
        while name in taken:
            name, number = f"{entry['kind']} {number}", number + 1
        entry["name"] = name
        taken.add(name)


def _rule_findings(
    config: Config, layered: Layered, environ: Mapping[str, str], sources: Sequence[int]
) -> list[Finding]:
    """``sources`` are the indices that the sources of ``config`` have in ``layered``."""
    distrust: dict[int, str] = {}
    for index, source in enumerate(config.source):
        found = layered.source_of(("source", sources[index]))
        if source.auth is not None and found is not None and found[0].distrust is not None:
            distrust[index] = found[0].distrust
    return findings(config, theme_names(environ), distrust)


def _other_findings(layered: Layered, wrong: list[Finding], environ: Mapping[str, str]) -> list[Finding]:
    """What the rules say of all that has the right type, so that one look shows every problem."""
    pruned, indices = without(layered.values, {path for path, _ in wrong})
    sound = Layered()
    sound.add(_shipped_layer())
    sound.add(Layer(LayerKind.FILE, pruned))
    for name in _LISTS:
        sound.values.setdefault(name, [])
    try:
        config = decode(sound.values)
    except msgspec.ValidationError:
        return []
    found = _rule_findings(config, layered, environ, indices.get(("source",), ()))
    return [(_original(path, indices), text) for path, text in found]


def _original(path: KeyPath, indices: Mapping[KeyPath, Sequence[int]]) -> KeyPath:
    for above, kept in indices.items():
        index = path[len(above)] if path[: len(above)] == above and len(path) > len(above) else None
        if isinstance(index, int):
            return (*above, kept[index], *path[len(above) + 1 :])
    return path


def _place(problem: Problem) -> tuple[str, int]:
    name, _, line = problem.where.rpartition(":")
    return (name, int(line)) if line.isdigit() else (problem.where, 0)


def _located(finding: Finding, layered: Layered) -> Problem:
    path, text = finding
    return Problem(layered.blame(path).where, safe(dotted(path), limit=200), text)
