"""``wfmon-tui config path|show|check|schema``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from wfmon.cli.options import Options
from wfmon.config.jsonschema import config_schema
from wfmon.config.layers import LayerKind
from wfmon.config.loader import Loaded
from wfmon.config.problems import ConfigError, KeyPath, Problem, dotted
from wfmon.config.resources import shipped_config, user_config
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe


def run(options: Options) -> int:
    """0, or ``ConfigError`` for settings that cannot be used."""
    match options.action:
        case "path":
            return _path(options)
        case "schema":
            print(json.dumps(config_schema(), indent=2))
            return 0
        case "show":
            return _show(options.load_config())
        case _:
            return _check(options.load_config())


def _path(options: Options) -> int:
    """The user's file on the first line, there or not, then the shipped one."""
    own = options.config if options.config is not None else str(user_config(os.environ))
    there = "" if os.path.exists(own) else "  (does not exist)"
    print(f"{safe(own)}{there}")
    print(f"{safe(str(shipped_config()))}  (defaults)")
    return 0


def _check(loaded: Loaded) -> int:
    """A user's profiles are part of the config. Raises ``ConfigError`` with all that is wrong in their files,
    ``ProfileError`` where ``[profiles]`` names one that is not there."""
    from wfmon.monitor.building import enabled_profiles
    from wfmon.sources.profile import user_profiles_dir

    profiles = _own_profiles(user_profiles_dir())
    enabled_profiles(loaded.config)
    place = safe(str(loaded.file)) if loaded.file_found else "no config file of yours, defaults only"
    print(f"{place}: ok")
    for line in profiles:
        print(line)
    return 0


def _own_profiles(folder: Path) -> list[str]:
    from wfmon.sources.profile import ProfileError, read_profile, shipped_profiles, user_files

    shipped = {profile.name for profile in shipped_profiles()}
    lines, problems = [], []
    for path in user_files(folder):
        try:
            profile = read_profile(path)
        except ProfileError as error:
            problems += [Problem(error.file, key, text) for key, text in error.problems]
            continue
        beside = "in place of the shipped one" if profile.name in shipped else "beside the shipped ones"
        lines.append(f"{safe(str(path))}: ok, profile {profile.name} {beside}")
    if problems:
        raise ConfigError(problems)
    return lines


def _show(loaded: Loaded) -> int:
    rows = [(f"{dotted(path)} = {_value(value)}", _origin(loaded, path)) for path, value in _leaves(loaded)]
    width = min(48, max(len(setting) for setting, _ in rows))
    for setting, origin in rows:
        print(f"{setting:<{width}}  # {origin}")
    return 0


def _leaves(loaded: Loaded) -> Iterator[tuple[KeyPath, object]]:
    yield from _below(loaded.layered.values, ())


def _below(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _below(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        for index, entry in enumerate(value):
            yield from _below(entry, (*path, index))
    else:
        yield path, value


def _value(value: object) -> str:
    """As TOML writes it (for these types JSON does the same), secrets left out."""
    return safe(redact(json.dumps(value, ensure_ascii=False)))


def _origin(loaded: Loaded, path: KeyPath) -> str:
    origin = loaded.origin(path)
    return "shipped" if origin.kind is LayerKind.SHIPPED else safe(origin.where)
