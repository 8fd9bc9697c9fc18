"""``check`` before and during an incident, and the acks that any shell can set; see also test_ended."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest

from support.incident import Incident
from support.program import Done, Program, json_lines
from support.troubled import finished_run, troubled_log

LEVELS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}


def test_before_the_first_run_nothing_is_wrong_and_nothing_is_made_up(incident: Incident) -> None:
    done = incident.program.run("check")
    assert done.code in (0, 3), done
    assert done.err == ""
    assert re.fullmatch(r"(OK|UNKNOWN): [^\n]+\n", done.out)
    assert "fails" not in done.out
    assert "0%" not in done.out, "no run has finished: a ratio of nothing is unknown"


def test_during_the_incident_it_is_named_and_can_be_taken(incident: Incident) -> None:
    alert = only_failure(incident.wait_firing())
    check = incident.program.run("check")
    assert check.code in (1, 2), check
    said = re.fullmatch(
        r"(WARNING|CRITICAL): invoice_extract fails \d+% \(\d+ of \d+ in \w+\) since .*\[(\w{12})\]\n",
        check.out,
    )
    assert said, check
    assert said[2] == alert["id"], "the same episode in another process"
    assert "nobody has it" in check.out or "acks private to tester" in check.out

    taken = incident.program.run("ack", alert["id"][:5], "-m", "looking at the 504s")
    assert taken.code == 0, taken
    assert alert["id"] in taken.out
    assert "tester has it until" in taken.out

    held = incident.program.run("check")
    assert held.code in (1, 2), "taken is not mended"
    assert "tester has it until" in held.out
    free = incident.program.run("check", "--unacked")
    assert (free.code, free.out.split(":")[0]) == (0, "OK"), free

    listed = incident.program.run("acks")
    assert listed.code == 0
    for words in (alert["id"], "failure_rate", "invoice_extract", "tester", "looking at the 504s"):
        assert words in listed.out

    other = replace(incident.program, user="somebody else").run("ack", alert["id"])
    assert other.code == 1
    assert "tester has it until" in other.err

    back = incident.program.run("unack", alert["id"])
    assert back.code == 0, back
    assert "nobody has it" in back.out
    again = incident.program.run("unack", alert["id"])
    assert (again.code, "nobody has it" in again.err) == (1, True), again
    trail = incident.program.run("acks", "--all", "--json").json
    assert [entry["what"] for entry in trail if entry["id"] == alert["id"]] == ["ack", "unack"]


def only_failure(done: Done) -> dict[str, Any]:
    (alert,) = [alert for alert in done.json["alerts"] if alert["rule"] == "failure_rate"]
    assert alert["workflow"] == "invoice_extract"
    return dict(alert)


@pytest.fixture
def troubled(home: Program) -> Program:
    log = troubled_log(home.folder / "app.jsonl")
    return replace(home, words=("--logs", str(log), "--no-host"))


def test_json_says_the_same_as_the_text_and_the_exit_code(troubled: Program) -> None:
    text, structured = troubled.run("check"), troubled.run("check", "--json")
    answer = structured.json
    assert set(answer) == {"level", "text", "alerts"}
    assert LEVELS[answer["level"]] == structured.code == text.code == 2
    assert text.out == f"CRITICAL: {answer['text']} [{answer['alerts'][0]['id']}]\n"


def test_snapshot_check_and_screen_share_one_verdict(troubled: Program) -> None:
    said = troubled.run("snapshot", "--json").json["verdict"]
    check = troubled.run("check", "--json").json
    assert (said["level"], said["text"]) == (check["level"], check["text"])
    start = re.sub(r"\s·\sacks private.*", "", said["text"])
    with troubled.terminal(size=(120, 40)) as terminal:
        terminal.wait_for(re.escape(start))
        terminal.send("q")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize("prefix", ["zzz", "", "0" * 12])
def test_an_ack_of_nothing_fails_in_words(troubled: Program, prefix: str) -> None:
    done = troubled.run("ack", prefix)
    assert done.code in (1, 2)
    assert done.out == ""
    assert done.err.startswith("wfmon-tui")
    assert done.err.count("\n") == 1


def test_an_ack_without_an_end_in_the_future_is_refused(troubled: Program) -> None:
    alert = troubled.run("check", "--json").json["alerts"][0]["id"]
    for length in ("0s", "-1h", "soon", "inf"):
        done = troubled.run("ack", alert, "--for", length)
        assert done.code in (1, 2), length
    assert troubled.run("acks", "--json").json == []


def test_a_history_that_is_too_short_is_unknown_unless_it_proves_enough(home: Program) -> None:
    """Two runs of which one failed prove nothing, and the log begins just now."""
    log = home.folder / "young.jsonl"
    now = time.time()
    runs = (finished_run("young", str(turn), now - turn, failed=turn == 1) for turn in range(2))
    log.write_bytes(json_lines([line for run in runs for line in run]))
    done = replace(home, words=("--logs", str(log), "--no-host")).run("check")
    assert done.code in (0, 3), done
    assert "fails" not in done.out
