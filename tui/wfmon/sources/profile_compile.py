"""``python -m wfmon.sources.profile_compile``: the shipped TOML files as one file that is quick to read.

It is to be run after every change of a shipped profile; a test says so where it was forgotten.
"""

from __future__ import annotations

import sys

import msgspec

from wfmon.sources.profile import COMPILED, SHIPPED_DIR, ProfileError, read_profile


def compiled() -> bytes:
    """What ``COMPILED`` has to hold: a JSON array, one profile a line, by name. Raises ``ProfileError``."""
    profiles = sorted((read_profile(path) for path in SHIPPED_DIR.glob("*.toml")), key=lambda each: each.name)
    return b"[\n" + b",\n".join(msgspec.json.encode(profile) for profile in profiles) + b"\n]\n"


def main() -> int:
    """0; 1 where a shipped profile is wrong, and the file stays as it was."""
    try:
        text = compiled()
    except ProfileError as error:
        print(error, file=sys.stderr)
        return 1
    COMPILED.write_bytes(text)
    print(f"{COMPILED}: {len(text.splitlines()) - 2} profiles, {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
