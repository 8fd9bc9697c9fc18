"""Two people with logins of their own on one shared state directory: each sees what the other took."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.program import Program
from support.users import ANN, BEN, EVE, GROUP, host_of_several, needs_users

# A machine under load may be late; the design wants two seconds, which a quiet one is far below.
SEEN_WITHIN = 6.0

pytestmark = [pytest.mark.pty, needs_users]


@dataclass(frozen=True)
class People:
    ann: Program
    ben: Program
    eve: Program
    state: Path


@pytest.fixture
def host() -> Iterator[People]:
    with host_of_several() as host:
        yield People(
            host.person("ann", ANN),
            host.person("ben", BEN),
            host.person("eve", EVE, member=False),
            host.state,
        )


def test_each_sees_what_the_other_took_and_gave_back(host: People) -> None:
    alert = host.ann.run("check", "--json").json["alerts"][0]["id"]
    with host.ben.terminal(size=(100, 30)) as screen:
        screen.wait_for(r"^[✖▲] failure_rate +invoice_extract", timeout=60)
        screen.wait_for(r"nobody has it")  # others' acks would be seen
        assert host.ann.run("ack", alert, "-m", "on it").code == 0
        taken = time.perf_counter()
        late = screen.wait_for(r"^◆ failure_rate +invoice_extract.*acked ann") - taken
        assert host.ann.run("unack", alert).code == 0
        given = time.perf_counter()
        late_back = screen.wait_for(r"^[✖▲] failure_rate +invoice_extract") - given
        print(f"seen after {late:.2f} s, given back after {late_back:.2f} s")
        assert max(late, late_back) < SEEN_WITHIN
        screen.send("a")
        screen.wait_for("comment")
        screen.send("esc", "q")
        assert screen.wait_exit() == 0
    listed = host.ann.run("acks", "--json").json
    assert [(entry["id"], entry["by"]) for entry in listed] == [(alert, "ben")]
    refused = host.ann.run("ack", alert)
    assert refused.code == 1
    assert "ben has it until" in refused.err
    assert re.search(r"ben has it until", host.ann.run("check").out)
    for file in host.state.iterdir():
        assert file.stat().st_gid == GROUP, file
        assert file.stat().st_mode & 0o777 == 0o660, file


def test_who_may_not_write_there_is_told_and_still_sees(host: People) -> None:
    """Not of the group: nothing of the directory can be changed, and the alerts are seen all the same."""
    alert = host.ann.run("check", "--json").json["alerts"][0]["id"]
    before = written_by(host.state)
    seen = host.eve.run("check")
    assert seen.code == 2, seen
    assert "invoice_extract fails" in seen.out
    refused = host.eve.run("ack", alert)
    assert refused.code == 1, refused
    assert refused.err.startswith("wfmon-tui: ")
    with host.eve.terminal(size=(100, 30)) as screen:
        screen.wait_for(r"^[✖▲] failure_rate +invoice_extract", timeout=60)
        screen.send("a")
        screen.wait_for(r"NOT SAVED")
        screen.send("q")
        assert screen.wait_exit() == 0
        assert screen.left_behind() == []
    assert host.ann.run("acks", "--json").json == []
    assert written_by(host.state) == before
    assert EVE not in before.values()


def written_by(state: Path) -> dict[str, int]:
    """Files and their owners, but for those that SQLite reads with."""
    files = [file for file in state.iterdir() if not file.name.endswith(("-shm", "-wal"))]
    return {file.name: file.stat().st_uid for file in files}


def test_what_one_puts_off_and_writes_the_other_sees(host: People) -> None:
    alert = host.ann.run("check", "--json").json["alerts"][0]["id"]
    with host.ben.terminal(size=(100, 30)) as screen:
        screen.wait_for(r"^[✖▲] failure_rate +invoice_extract", timeout=60)
        assert host.ann.run("snooze", alert, "--until-resolved", "-m", "known, ticket 12").code == 0
        put_off = time.perf_counter()
        late = screen.wait_for(r"^◆ failure_rate +invoice_extract.*snoozed ann") - put_off
        print(f"seen after {late:.2f} s")
        assert late < SEEN_WITHIN
        refused = host.ben.run("snooze", alert, "--for", "15m")
        assert (refused.code, "ann has it until it ends" in refused.err) == (1, True), refused
        assert host.ben.run("note", alert, "the vendor is down").code == 0
        (told,) = (each for each in host.ben.run("check", "--json").json["alerts"] if each["id"] == alert)
        assert (told["state"], told["ack"]["snooze"], told["ack"]["until_resolved"]) == (
            "snoozed",
            True,
            True,
        )
        assert [(note["by"], note["text"]) for note in told["notes"]] == [("ben", "the vendor is down")]
        assert host.ben.run("check").code == 2
        assert "invoice_extract fails" not in host.ben.run("check", "--unacked").out
        screen.send("q")
        assert screen.wait_exit() == 0
    trail = host.ben.run("acks", "--all", "--json").json
    assert [(entry["who"], entry["what"]) for entry in trail] == [("ann", "snooze"), ("ben", "note")]
