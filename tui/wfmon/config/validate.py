"""What the types cannot say: values that contradict each other, the world or the rules of the house."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import msgspec

from wfmon.config.check_alerts import alert_findings, limit_findings
from wfmon.config.check_budgets import budget_findings
from wfmon.config.check_sources import source_findings
from wfmon.config.problems import Finding, KeyPath
from wfmon.config.schema import Config, Duration
from wfmon.text.numbers import find_zone
from wfmon.text.sanitize import guard, safe

SOONEST_LOOK = 5.0  # seconds: a look around goes through all processes
_METRIC_START = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")
# Durations for which zero has a meaning: at once, never, no gap.
_MAY_BE_ZERO = frozenset(
    ("for", "keep", "clear_quiet", "episode_gap", "resolved_keep", "default", "slack", "debounce")
)


def findings(config: Config, themes: Collection[str], distrust: Mapping[int, str]) -> list[Finding]:
    """Everything that is wrong with ``config``, in the order of its sections.

    ``themes`` are the names there are. ``distrust`` says, by index of the source, why its ``cmd`` may
    not be run.
    """
    return [
        *_control_characters(msgspec.to_builtins(config, enc_hook=_plain), ()),
        *_durations(config, ()),
        *_windows(config),
        *_ui(config, themes),
        *_ranges(config),
        *alert_findings(config.alerts),
        *source_findings(config.source, distrust),
        *_workflows(config),
        *_storage(config),
        *_profiles(config),
        *_discovery(config),
        *budget_findings(config.budget),
    ]


def _plain(value: object) -> object:
    return float(value) if isinstance(value, float) else int(str(value))


def _control_characters(value: object, path: KeyPath) -> Iterator[Finding]:
    if isinstance(value, str):
        if guard(value) != value:
            yield path, f"control or invisible characters in {safe(value, limit=60)}, expected plain text"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _control_characters(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _control_characters(inner, (*path, index))


def _durations(table: msgspec.Struct, path: KeyPath) -> Iterator[Finding]:
    for name, key in zip(table.__struct_fields__, table.__struct_encode_fields__, strict=True):
        value = getattr(table, name)
        here = (*path, key)
        if isinstance(value, Duration):
            if float(value) == 0.0 and key not in _MAY_BE_ZERO:
                yield here, "is zero, expected a duration longer than 0"
        elif isinstance(value, msgspec.Struct):
            yield from _durations(value, here)
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                if isinstance(entry, msgspec.Struct):
                    yield from _durations(entry, (*here, index))


def _windows(config: Config) -> Iterator[Finding]:
    if config.windows.max < config.windows.runs:
        yield ("windows", "max"), "is shorter than windows.runs, expected at least as long"
    if config.windows.grow_runs < 0:
        yield ("windows", "grow_runs"), "is negative, expected 0 or more"


def _ui(config: Config, themes: Collection[str]) -> Iterator[Finding]:
    if config.ui.theme not in themes:
        yield ("ui", "theme"), _unknown_theme(config.ui.theme, themes)
    try:
        find_zone(config.ui.timezone)
    except ValueError:
        shown = safe(config.ui.timezone, limit=40)
        expected = 'expected "local", "UTC" or a name such as "Europe/Berlin"'
        yield ("ui", "timezone"), f'unknown time zone "{shown}", {expected}'
    for action, keys in config.ui.keys.items():
        if not all(key.strip() for key in keys.split(",")):
            yield ("ui", "keys", action), 'names no key, expected "key" or "key,key"'


def _unknown_theme(name: str, themes: Collection[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, themes, 1)
    hint = f", nearest: {close[0]}" if close else ""
    return f'no theme "{safe(name, limit=40)}", expected one of {", ".join(sorted(themes))}{hint}'


def _ranges(config: Config) -> Iterator[Finding]:
    logs, monitor = config.logs, config.monitor
    if logs.tail_bytes == 0:
        yield ("logs", "tail_bytes"), "is zero, expected a size above 0"
    if logs.max_line_bytes < 1024:
        yield ("logs", "max_line_bytes"), "is too small, expected at least 1KiB"
    if logs.keep_runs < 1:
        yield ("logs", "keep_runs"), "is too small, expected 1 or more"
    if not 0 <= monitor.stretch <= 1e6:
        yield ("monitor", "stretch"), "is out of range, expected 0 to 1000000"


def _workflows(config: Config) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for index, workflow in enumerate(config.workflow):
        at: KeyPath = ("workflow", index)
        if not workflow.name.strip():
            yield (*at, "name"), "is empty, expected the name of a workflow"
        for place, name in (("name", workflow.name), *(("aliases", alias) for alias in workflow.aliases)):
            if name in owners:
                yield (*at, place), f'"{safe(name, limit=60)}" already belongs to workflow "{owners[name]}"'
            owners[name] = safe(workflow.name, limit=60)
        for position, pattern in enumerate(workflow.match):
            yield from _pattern(pattern, (*at, "match", position))
        yield from limit_findings(workflow, at)


def _pattern(pattern: str, path: KeyPath) -> Iterator[Finding]:
    if not pattern:
        yield path, "is empty and would match every process, expected a regular expression"
        return
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        yield path, f'"{safe(pattern, limit=60)}" is not a regular expression: {error}'


def _profiles(config: Config) -> Iterator[Finding]:
    """Whether there are profiles of these names is seen where profiles are read."""
    for key, names in (("enabled", config.profiles.enabled), ("totals", config.profiles.totals)):
        for index, name in enumerate(names):
            if not name.strip():
                yield ("profiles", key, index), "is empty, expected the name of a profile"
    for name, prefix in config.profiles.prefix.items():
        if prefix and not _METRIC_START.fullmatch(prefix):
            shown = safe(prefix, limit=40)
            yield ("profiles", "prefix", name), f'no metric name can begin with "{shown}", expected as "n8n_"'


def _discovery(config: Config) -> Iterator[Finding]:
    if 0 < config.discovery.every < SOONEST_LOOK:
        yield ("discovery", "every"), f"is too short, expected at least {SOONEST_LOOK:g}s"


def _storage(config: Config) -> Iterator[Finding]:
    for index, folder in enumerate(config.storage.dir):
        at: KeyPath = ("storage", "dir", index)
        if not folder.path:
            yield (*at, "path"), "is empty, expected a directory"
        if folder.limit == 0:
            yield (*at, "limit"), "is zero, expected a size above 0"
    for index, mount in enumerate(config.storage.mounts):
        if not mount.startswith("/"):
            yield ("storage", "mounts", index), "is not a mount point, expected a path that begins with /"
