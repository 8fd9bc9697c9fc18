"""How a state directory is shared: the commands, and the line of the config, as ``doctor`` prints them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from wfmon.config.tomltext import quoted
from wfmon.store.paths import SYSTEM_DIR, StateDir
from wfmon.text.sanitize import safe

GROUP = "wfmon"


def sharing_lines(state: StateDir, configured: str) -> list[str]:
    """For a directory that nobody shares: what root types, once; empty for one that is shared.

    ``configured``: the directory that the settings name. Proposed is that one while there is nothing in it:
    files that are there belong to whoever made them.
    """
    if state.shared:
        return []
    directory = Path(configured).expanduser().absolute() if configured and _unused(state.path) else SYSTEM_DIR
    word = shlex.quote(str(directory))
    lines = [
        "share     acks and history with the group wfmon; as root, then log in again:",
        f"    groupadd --system --force {GROUP}",
        f"    install -d -o root -g {GROUP} -m 2770 {word}",
        f"    usermod --append --groups {GROUP} USER",
    ]
    if directory == SYSTEM_DIR and not configured:
        lines.append(f"    config: none is needed, {SYSTEM_DIR} is used by all who may write there")
    else:
        lines.append(f"    config: [state] dir = {quoted(directory)}")
    return [safe(line) for line in lines]


def _unused(path: Path) -> bool:
    try:
        return not any(os.scandir(path))
    except FileNotFoundError:
        return True
    except OSError:
        return False
