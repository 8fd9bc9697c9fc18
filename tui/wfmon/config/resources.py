"""Where the files are that come with the program, and the user's own.

In an installed wheel ``config.toml`` and ``themes/`` stand inside the package; in a checkout (and an
editable install of it) they stand at its top, two folders above the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_CHECKOUT = _PACKAGE.parent.parent


def shipped_config() -> Path:
    """The shipped ``config.toml``; ``FileNotFoundError`` when the installation lacks it."""
    return _shipped("config.toml")


def themes_dir() -> Path:
    """The folder of the shipped themes; ``FileNotFoundError`` when the installation lacks it."""
    return _shipped("themes")


def user_folder(environ: Mapping[str, str]) -> Path:
    """``$XDG_CONFIG_HOME/wfmon``, which need not exist. A relative XDG_CONFIG_HOME does not count."""
    base = environ.get("XDG_CONFIG_HOME", "")
    if base.startswith("/"):
        return Path(base) / "wfmon"
    return Path(environ.get("HOME") or Path.home()) / ".config" / "wfmon"


def user_config(environ: Mapping[str, str]) -> Path:
    """The user's config file, which need not exist."""
    return user_folder(environ) / "config.toml"


def user_themes_dir(environ: Mapping[str, str]) -> Path:
    """The folder of the user's own themes, which need not exist."""
    return user_folder(environ) / "themes"


def theme_names(environ: Mapping[str, str]) -> list[str]:
    """Names of all themes there are, shipped and the user's own, sorted."""
    folders = (themes_dir(), user_themes_dir(environ))
    return sorted({file.stem for folder in folders if folder.is_dir() for file in folder.glob("*.toml")})


def _shipped(name: str) -> Path:
    inside = _PACKAGE / name
    if inside.exists():
        return inside
    beside = _CHECKOUT / name
    if beside.exists() and (_CHECKOUT / "pyproject.toml").is_file():
        return beside
    raise FileNotFoundError(f"{name} is missing from this installation of wfmon-tui: reinstall it")
