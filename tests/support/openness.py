"""Directories of pytest that other users may pass through."""

from __future__ import annotations

from pathlib import Path


def opened(folder: Path) -> Path:
    """``folder``, with all of pytest's own directories above it, passable for everybody."""
    folder.chmod(0o755)
    for parent in folder.parents:
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    return folder
