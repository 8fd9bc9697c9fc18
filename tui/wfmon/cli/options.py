"""What was asked for on the command line, as data, and the settings that follow from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wfmon.model.record import dataclass

if TYPE_CHECKING:
    from wfmon.config.loader import Loaded, Overlay


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Fields that a command has no option for keep their defaults.

    ``interval``, ``refresh``, ``wait`` and ``for_seconds`` are in seconds. ``view`` is one of ``ops``,
    ``dev``, ``finance``, ``exec``; ``incident`` a name, ``none`` or ``all``. ``action`` is the word
    behind ``config``, ``rules`` or ``completions``, ``profile`` the name of one, ``bar`` whose colours;
    ``alert_id`` a prefix as a person typed it, ``text`` what a note says. ``subject``
    is a run, a workflow or ``-``; ``since`` in seconds; ``by`` workflow, model or provider.
    """

    command: str = "watch"
    config: str | None = None
    prometheus: str | None = None
    scrape: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    alertmanager: str | None = None
    no_host: bool = False
    interval: float | None = None
    state_dir: str | None = None
    read_only: bool = False
    view: str = "ops"
    theme: str | None = None
    ascii: bool = False
    refresh: float | None = None
    seed: int = 1
    incident: str = "all"
    workload_only: bool = False
    json: bool = False
    wait: float = 10.0
    unacked: bool = False
    all: bool = False
    alert_id: str = ""
    for_seconds: float | None = None
    until_resolved: bool = False
    comment: str = ""
    text: str = ""
    action: str = ""
    profile: str = ""
    unit: bool = False
    probe: bool = False
    force: bool = False
    bar: str = "plain"
    ask: bool = False
    subject: str = ""
    errors: bool = False
    since: float | None = None
    lines: int | None = None
    follow: bool = False
    by: str = "workflow"
    csv: bool = False

    @property
    def ad_hoc(self) -> bool:
        """Whether sources were named on the command line."""
        return bool(self.prometheus or self.scrape or self.logs or self.alertmanager)

    def load_config(self, file: str | os.PathLike[str] | None = None) -> Loaded:
        """The settings, with the options over them; ``ConfigError`` with all that is wrong.

        ``file`` stands in for ``--config`` and the user's file: the demo brings its own, with a state
        directory that no variable may replace, because it leaves nothing behind.
        """
        from wfmon.config.loader import load_config

        if file is None:
            return load_config(self.config, os.environ, self.overlay())
        environ = {name: value for name, value in os.environ.items() if name != "WFMON_STATE_DIR"}
        return load_config(file, environ, self.overlay())

    def overlay(self) -> Overlay:
        """The part of the options that are settings."""
        from wfmon.config.loader import Overlay

        values, named = self._settings()
        sources: list[dict[str, object]] = []
        for option, source in self._sources():
            named["sources", len(sources)] = option
            sources.append(source)
        named["sources",] = "command line"
        named["source_interval",] = "--interval"
        return Overlay(values=values, sources=tuple(sources), source_interval=self.interval, named=named)

    def _settings(self) -> tuple[dict[str, object], dict[tuple[str | int, ...], str]]:
        given: list[tuple[str, str, object, str]] = [
            ("state", "dir", self.state_dir and os.path.abspath(self.state_dir), "--state-dir"),
            ("ui", "theme", self.theme, "--theme"),
            ("ui", "ascii", True if self.ascii else None, "--ascii"),
            ("ui", "refresh", self.refresh, "--refresh"),
            ("host", "enabled", False if self.no_host else None, "--no-host"),
            ("host", "interval", self.interval, "--interval"),
            ("logs", "interval", self.interval, "--interval"),
        ]
        values: dict[str, dict[str, object]] = {}
        named: dict[tuple[str | int, ...], str] = {}
        for section, key, value, option in given:
            if value is not None:
                values.setdefault(section, {})[key] = value
                named[section, key] = option
        return {**values}, named

    def _sources(self) -> list[tuple[str, dict[str, object]]]:
        """One source per kind that is given, with the option that gave it."""
        sources: list[tuple[str, dict[str, object]]] = []
        if self.prometheus is not None:
            source = {"name": "prometheus", "kind": "prometheus", "url": self.prometheus}
            sources.append(("--prometheus", {**source}))
        if self.scrape:
            sources.append(("--scrape", {"name": "scrape", "kind": "scrape", "urls": list(self.scrape)}))
        if self.logs:
            paths = [os.path.abspath(os.path.expanduser(glob)) if glob else "" for glob in self.logs]
            sources.append(("--logs", {"name": "logs", "kind": "logs", "paths": paths}))
        if self.alertmanager is not None:
            source = {"name": "alertmanager", "kind": "alertmanager", "url": self.alertmanager}
            sources.append(("--alertmanager", {**source}))
        return sources
