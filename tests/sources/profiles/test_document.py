"""``docs/profiles.md`` says what is so: its table, its keys, its example."""

from __future__ import annotations

import re

from sources.profiles.reading import Figures, figures
from support.expositions import missing_words, scraped
from support.profile_table import DOCUMENT, with_table
from wfmon.sources.profile import Profile, ProfileLogs, Signal, parse_profile, user_profiles_dir

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_table_is_that_of_the_shipped_profiles() -> None:
    stale = "a shipped profile was changed: cd tests && python -m support.profile_table"
    assert with_table(TEXT) == TEXT, stale


def test_every_key_is_there() -> None:
    documented = set(re.findall(r"`\[?(?:logs\.)?([a-z_]+)\]?`", TEXT)) | set(
        re.findall(r"\[([a-z]+)\.", TEXT)
    )
    for struct in (Profile, Signal, ProfileLogs):
        assert set(struct.__struct_fields__) <= documented, struct.__name__


def test_the_folder_is_the_one_that_is_read() -> None:
    assert str(user_profiles_dir({"HOME": "/home/u"})).replace("/home/u", "~") in TEXT
    assert str(user_profiles_dir({"XDG_CONFIG_HOME": "/x"})).replace("/x", "$XDG_CONFIG_HOME") in TEXT


def test_the_example_reads_its_exposition() -> None:
    exposed, profile = re.findall(r"```(?:toml)?\n(.*?)```", TEXT, re.DOTALL)
    etl = parse_profile(profile.encode(), "etl.toml")
    later = exposed.replace("} 41", "} 51").replace("} 2\n", "} 3\n").replace("} 9000", "} 9100")
    later = later.replace('le="1000"} 40', 'le="1000"} 60').replace("} 43", "} 63")
    (sample,) = scraped(etl, exposed, later)
    assert figures(sample) == Figures(
        runs={("invoices", "success"): 10, ("invoices", "error"): 1},
        duration={"invoices": (0.5, 0.95)},
        tokens={
            ("invoices", None, "gpt-4o", "input"): (0, 120000),
            ("invoices", None, "gpt-4o", "output"): (100, 9100),
        },
        active={None: 3},
    )
    assert "ETL: cost: not counted; the invoice of the provider has it" in missing_words(etl, exposed)
