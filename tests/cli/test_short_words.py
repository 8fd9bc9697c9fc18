"""What is said in short in columns of ``logs`` and ``doctor``."""

from __future__ import annotations

import pytest

from wfmon.cli.doctor import profiles_in_short
from wfmon.cli.logs import tail_of


@pytest.mark.parametrize(
    ("run", "tail"),
    [
        ("scheduled__2026-02-25T06:35:00+00:00", "06:35:00"),
        ("6f1b2c3d-0000-4000-8000-0000000001a7", "000001a7"),
        ("a+12:3", "a+12:3"),
        ("101", "101"),
    ],
)
def test_runs_are_told_apart_by_the_end_of_their_id(run: str, tail: str) -> None:
    assert tail_of(run) == tail


def test_many_profiles_do_not_push_a_row_off_the_screen() -> None:
    assert profiles_in_short(None) == "–"
    assert profiles_in_short("n8n, litellm") == "n8n, litellm"
    assert profiles_in_short("airflow, celery, n8n, litellm") == "4 profiles"
