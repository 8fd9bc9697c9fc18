"""What every shipped profile is held to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wfmon.model.metrics import Concept
from wfmon.sources.profile import (
    SHIPPED_DIR,
    Profile,
    ProfileError,
    load_profiles,
    parse_profile,
    shipped_profiles,
    with_prefix,
)

PROFILES = {profile.name: profile for profile in shipped_profiles()}
# A convention that anybody may expose in part: what is not there of it is not there, and nobody can say why.
CONVENTIONS = {"seed"}


# Those without a metric to know them by are there for their logs.
@pytest.mark.parametrize("name", sorted(n for n, p in PROFILES.items() if p.detect and n not in CONVENTIONS))
def test_every_concept_is_either_read_or_said_not_to_be_there(name: str) -> None:
    profile = PROFILES[name]
    told = {concept for concept, signals in profile.signals.items() if signals} | profile.not_exposed.keys()
    assert told == {concept.value for concept in Concept}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_words_are_one_line_that_can_be_read(profile: Profile) -> None:
    for words in (*profile.not_exposed.values(), *profile.settings.values(), profile.title):
        assert words == " ".join(words.split())
        assert not words.endswith(".")
        assert len(words) <= 250


def test_what_is_replaced_is_shipped_and_replaces_not_its_replacer() -> None:
    for profile in PROFILES.values():
        for name in profile.replaces:
            assert name in PROFILES, (profile.name, name)
            assert profile.name not in PROFILES[name].replaces, "neither would be used"
            assert PROFILES[name].layer == profile.layer


def test_a_shipped_file_is_a_good_beginning_for_ones_own(tmp_path: Path) -> None:
    """Copied to the user's folder it is read as it was; under another name it stands beside it."""
    for path in SHIPPED_DIR.glob("*.toml"):
        shutil.copy(path, tmp_path)
    assert load_profiles(tmp_path) == load_profiles()
    text = (SHIPPED_DIR / "celery.toml").read_text().replace('name   = "celery"', 'name = "our-celery"')
    (tmp_path / "celery.toml").write_text(text)
    assert {profile.name for profile in load_profiles(tmp_path)} == PROFILES.keys() | {"our-celery"}


def test_every_profile_with_a_prefix_can_have_another() -> None:
    for profile in PROFILES.values():
        if not profile.prefix:
            with pytest.raises(ProfileError, match=f"prefix.{profile.name}: "):
                with_prefix(profile, "x_")
            continue
        other = with_prefix(profile, "x_")
        assert not any(
            metric.startswith(profile.prefix)
            for signals in other.signals.values()
            for signal in signals
            for metric in (*signal.metrics, *signal.needs, *signal.unless, *signal.scales)
        )
        assert with_prefix(other, profile.prefix) == profile


def test_a_wrong_word_in_any_place_of_a_shipped_profile_is_found() -> None:
    """The check is not only of what its own tests thought of."""
    n8n = (SHIPPED_DIR / "n8n.toml").read_text()
    for right, wrong, key in (
        ("[not_exposed]", "[not_exposed]\nwaits = 'x'", "not_exposed.waits"),
        ('key    = "workflow_id"', 'key = "workflow id"', "names.workflow.key"),
        ('mode="retry"', "mode=retry", "signals.retries[0].match"),
        ("[values.status]\nerror", "[values.status]\nerrors", "values.status.errors"),
        ('set = { status = "success" }', 'set = { status = "good" }', "signals.runs[1].set.status"),
        ('unless = ["{p}work', 'unless = ["n8n_work', "signals.runs[1].unless"),
        ('cached    = "subset"', 'cached = "part"', "tokens.cached"),
        ('"step running"', '"step runing"', "logs.events.n8n.node.started"),
    ):
        assert right in n8n
        with pytest.raises(ProfileError) as caught:
            parse_profile(n8n.replace(right, wrong, 1).encode(), "n8n.toml")
        assert caught.value.key == key
