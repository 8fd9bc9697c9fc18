"""What each profile of a source finds there, for ``doctor``."""

from __future__ import annotations

from functools import cache

from wfmon.model.source import SourceStatus
from wfmon.sources.profile import Profile, load_profiles, user_profiles_dir


def exposed(source: SourceStatus) -> list[str]:
    """A line for each profile in use: its layer, and which of the concepts that it knows are there."""
    if not source.profile:
        return []
    known = _profiles()
    names = [name.strip() for name in source.profile.split(",")]
    return [_line(known[name], source.missing) for name in names if name in known]


def _line(profile: Profile, missing: tuple[str, ...]) -> str:
    there = [concept for concept in profile.signals if not _lacks(profile, concept, missing)]
    return f"{profile.title} ({profile.layer}): {' '.join(there) or 'nothing that the profile knows'}"


def _lacks(profile: Profile, concept: str, missing: tuple[str, ...]) -> bool:
    """Whether ``missing`` says so, in the words of ``sources.missing``."""
    words = (f"{concept}: not exposed by {profile.name}", f"{profile.title}: {concept}: not exposed")
    return any(text.startswith(words) for text in missing)


@cache
def _profiles() -> dict[str, Profile]:
    return {profile.name: profile for profile in load_profiles(user_profiles_dir())}
