"""An alert in words: who has it stays readable where room is short."""

from __future__ import annotations

import pytest

from support.snapshots import incident
from wfmon.model.alert import Ack, Alert
from wfmon.ui.look import make_look
from wfmon.ui.panes.words import standing
from wfmon.ui.theme import load_theme

LOOK = make_look(load_theme("dark"), ascii_only=False, timezone="UTC")
AT = 1_772_334_000.0  # 03:00 UTC


def acked(by: str) -> Alert:
    alert = next(alert for alert in incident().alerts if alert.ack is not None)
    return Alert(**{name: getattr(alert, name) for name in alert.__slots__} | {"ack": Ack(by, AT, AT + 3600)})


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("joe", "acked joe 0s, wakes 04:00"),
        ("joe from 10.0.3.7 pts/2", "acked joe 0s, wakes 04:00"),
        ("wolfgang from pts/2", "acked wolfgang 0s 04:00"),
        ("a-very-long-login-name", "acked a-very-long-… 04:00"),
    ],
)
def test_the_name_is_what_is_kept_of_an_ack(by: str, said: str) -> None:
    words = standing(acked(by), LOOK, AT, 25)
    assert words == said
    assert len(words) <= 25


def test_with_room_all_is_said() -> None:
    assert standing(acked("joe from pts/2"), LOOK, AT, 60) == "acked joe from pts/2 0s, wakes 04:00"
