"""The index files of knowledge_sync: they grow, are compacted, and in one incident are not."""

from __future__ import annotations

import os
from pathlib import Path

from wfmon.demo.incidents import DISK_GROWTH, Timeline
from wfmon.demo.spec import MIB

LIMIT = 24 * MIB
SHARD = 256 * 1024
USUAL = (0.25, 0.40)  # shares of the limit between two compactions
COMPACTED_EVERY = 40.0
PEAK = 0.94
RAMP = 0.5  # of the incident, then it stays full until somebody cleans up


def wanted_share(timeline: Timeline, offset: float) -> float:
    """Share of the limit that is to be used ``offset`` seconds after the start."""
    low, high = USUAL
    usual = low + (high - low) * (offset % COMPACTED_EVERY) / COMPACTED_EVERY
    window = timeline.window(DISK_GROWTH, offset)
    if window is None:
        return usual
    risen = (offset - window.start) / ((window.end - window.start) * RAMP)
    return max(usual, usual + (PEAK - usual) * min(1.0, risen))


class Shards:
    """Files of equal size in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: list[Path] = []
        self._made = 0

    @property
    def used_bytes(self) -> int:
        return len(self._files) * SHARD

    def adjust(self, share: float) -> int:
        """Adds or removes files until ``share`` of the limit is used; returns how many were removed."""
        wanted = int(share * LIMIT) // SHARD
        while len(self._files) < wanted:
            self._made += 1
            path = self._directory / f"shard-{self._made:06}.idx"
            path.write_bytes(os.urandom(SHARD))
            self._files.append(path)
        removed = self._files[: len(self._files) - wanted]
        self._files = self._files[len(removed) :]
        for path in removed:
            path.unlink(missing_ok=True)
        return len(removed)
