"""The shipped files are found in a checkout and in an installed wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import wfmon
from wfmon.config.resources import shipped_config, theme_names, themes_dir, user_config

SHOW = "from wfmon.config import resources as r; print(r.shipped_config()); print(r.themes_dir())"


def test_in_this_checkout() -> None:
    assert shipped_config().is_file()
    assert (themes_dir() / "dark.toml").is_file()


def test_inside_an_installed_package(tmp_path: Path) -> None:
    """As the wheel lays it out: both beside the modules."""
    package = tmp_path / "wfmon"
    shutil.copytree(Path(wfmon.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(shipped_config(), package)
    shutil.copytree(themes_dir(), package / "themes")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", SHOW], env=environ, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [str(package / "config.toml"), str(package / "themes")]


def test_an_installation_without_them_says_so(tmp_path: Path) -> None:
    shutil.copytree(
        Path(wfmon.__file__).parent, tmp_path / "wfmon", ignore=shutil.ignore_patterns("__pycache__")
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", SHOW], env=environ, capture_output=True, text=True, check=False
    )
    assert "config.toml is missing from this installation" in told.stderr


def test_where_the_users_file_is(tmp_path: Path) -> None:
    assert user_config({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == Path("/x/wfmon/config.toml")
    assert user_config({"HOME": "/h"}) == Path("/h/.config/wfmon/config.toml")
    assert user_config({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == Path("/h/.config/wfmon/config.toml")


def test_theme_names(tmp_path: Path) -> None:
    assert {"dark", "light", "clear", "terminal"} <= set(theme_names({"XDG_CONFIG_HOME": str(tmp_path)}))
