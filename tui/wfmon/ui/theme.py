"""Themes: which role of the screen has which style, as data files."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from rich.color import Color
from rich.style import Style

from wfmon.config.problems import ConfigError, Problem
from wfmon.config.resources import theme_names, themes_dir, user_themes_dir
from wfmon.model.record import dataclass, field

ROLES = (
    "text",
    "muted",
    "title",
    "label",
    "strong",
    "rule",
    "heading",
    "cursor",
    "critical",
    "warning",
    "good",
    "acked",
    "unknown",
    "stale",
    "spark",
    "spark_bad",
    "bar",
    "bar_rest",
    "key",
    "key_words",
    "message",
    "refusal",
    "prompt",
    "match",
    "log_debug",
    "log_info",
    "log_warn",
    "log_error",
    "log_fatal",
    "log_time",
    "log_mark",
)
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_FLAGS = ("bold", "dim", "italic", "underline", "reverse")
_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_NAMED = ("default", *_ANSI, *(f"bright_{name}" for name in _ANSI))


class ThemeError(ConfigError):
    """A theme cannot be used; the text names the file, the key and what was expected."""

    def __init__(self, path: Path | None, key: str, text: str) -> None:
        super().__init__([Problem(str(path or ""), key, text)])


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """``styles`` and ``selected`` have a style for every role, on the ground and under the cursor."""

    name: str
    title: str
    styles: Mapping[str, Style]
    selected: Mapping[str, Style]


@dataclass(slots=True)
class _Draft:
    title: str = ""
    palette: dict[str, str] = field(default_factory=dict)
    styles: dict[str, dict[str, object]] = field(default_factory=dict)


def load_theme(name: str, *, no_color: bool | None = None) -> Theme:
    """The theme ``name``; a user's file hides a shipped one.

    ``no_color`` None: as the environment's ``NO_COLOR`` says. Raises ``ThemeError``.
    """
    if no_color is None:
        no_color = bool(os.environ.get("NO_COLOR"))
    draft = _read(name, seen=())
    missing = [role for role in ROLES if role not in draft.styles]
    if missing:
        raise ThemeError(_find(name), "styles", f"missing {', '.join(missing)}")
    made = {role: _style(draft, role, name, no_color) for role in ROLES}
    ground, cursor = made["text"], made["cursor"]
    if no_color:
        cursor = Style(reverse=True)
    styles = {role: ground + style for role, style in made.items()}
    selected = {
        role: styles[role] + (cursor if made[role].bgcolor is None or role == "text" else Style())
        for role in ROLES
    }
    return Theme(name, draft.title or name, styles, selected)


def _find(name: str) -> Path:
    for where in (user_themes_dir(os.environ), themes_dir()):
        path = where / f"{name}.toml"
        if name and "/" not in name and path.is_file():
            return path
    raise ThemeError(None, "ui.theme", f"no theme {name!r}; known: {', '.join(theme_names(os.environ))}")


def _read(name: str, seen: tuple[str, ...]) -> _Draft:
    path = _find(name)
    if name in seen:
        raise ThemeError(path, "base", "themes build on each other in a circle")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeError(path, "", str(error)) from error
    unknown = set(data) - {"title", "base", "palette", "styles"}
    if unknown:
        raise ThemeError(path, min(unknown), "unknown key; known: title, base, palette, styles")
    base = _text(data.get("base", ""), path, "base")
    draft = _read(base, (*seen, name)) if base else _Draft()
    draft.title = _text(data.get("title", name), path, "title")
    for key, value in _table(data.get("palette", {}), path, "palette").items():
        draft.palette[key] = _text(value, path, f"palette.{key}")
    for role, value in _table(data.get("styles", {}), path, "styles").items():
        if role not in ROLES:
            raise ThemeError(path, f"styles.{role}", f"no such role; known: {', '.join(ROLES)}")
        draft.styles[role] = _table(value, path, f"styles.{role}")
    return draft


def _text(value: object, path: Path, key: str) -> str:
    if not isinstance(value, str):
        raise ThemeError(path, key, "expected text")
    return value


def _table(value: object, path: Path, key: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ThemeError(path, key, "expected a table")
    return value


def _style(draft: _Draft, role: str, name: str, no_color: bool) -> Style:
    wanted = draft.styles[role]
    unknown = set(wanted) - {"fg", "bg", *_FLAGS}
    if unknown:
        known = ", ".join(("fg", "bg", *_FLAGS))
        raise ThemeError(_find(name), f"styles.{role}.{min(unknown)}", f"unknown; known: {known}")
    flags: dict[str, bool] = {}
    for flag in _FLAGS:
        value = wanted.get(flag, False)
        if not isinstance(value, bool):
            raise ThemeError(_find(name), f"styles.{role}.{flag}", "expected true or false")
        if value:
            flags[flag] = True
    foreground = _color(draft, wanted.get("fg"), f"styles.{role}.fg", name)
    background = _color(draft, wanted.get("bg"), f"styles.{role}.bg", name)
    if no_color:
        if background is not None and role not in ("text", "cursor"):
            flags["reverse"] = True
        foreground = background = None
    return Style(
        color=foreground,
        bgcolor=background,
        bold=flags.get("bold"),
        dim=flags.get("dim"),
        italic=flags.get("italic"),
        underline=flags.get("underline"),
        reverse=flags.get("reverse"),
    )


def _color(draft: _Draft, value: object, key: str, name: str) -> Color | None:
    if value is None:
        return None
    text = draft.palette.get(value, value) if isinstance(value, str) else ""
    if text in _NAMED or _HEX.fullmatch(text):
        return Color.parse(text)
    raise ThemeError(
        _find(name),
        key,
        f'{value!r} is no colour; expected a name of [palette], "#rrggbb", or one of {", ".join(_NAMED)}',
    )
