"""``ack``, ``unack``, ``snooze``, ``note`` and ``acks`` as processes, as a shell would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wfmon.model.alert import Severity
from wfmon.model.episode import Sighting
from wfmon.store.acks import AckStore
from wfmon.store.paths import state_dir

ALERT = "abcdef012345"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory in which an alert fires now."""
    path = tmp_path / "state"
    store = AckStore(state_dir(str(path), {}))
    now = time.time()
    store.observe(
        [Sighting(ALERT, "failure_rate", (("workflow", "w"),), Severity.WARNING, "32%", now, False, "w")], now
    )
    store.close()
    return path


def run(state: Path, *words: str, user: str = "joe") -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WFMON_", "XDG_"))}
    environ = {**kept, "WFMON_USER": user, "XDG_CONFIG_HOME": str(state.parent), "TZ": "UTC"}
    return subprocess.run(
        [sys.executable, "-m", "wfmon", *words, "--state-dir", str(state)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_take_list_and_give_back(state: Path) -> None:
    took = run(state, "ack", "abc", "--for", "30m", "-m", "on it")
    assert (took.returncode, took.stderr) == (0, "")
    assert took.stdout.startswith(f"{ALERT} failure_rate w: joe has it until ")
    (listed,) = json.loads(run(state, "acks", "--json").stdout)
    assert (listed["id"], listed["by"], listed["comment"]) == (ALERT, "joe", "on it")
    head, row = run(state, "acks").stdout.splitlines()
    assert head.split() == ["ID", "RULE", "WORKFLOW", "STATE", "WHO", "AGE", "NEXT", "COMMENT"]
    assert row.split()[:5] == [ALERT, "failure_rate", "w", "acked", "joe"]
    assert re.search(r"joe +\d+s +wakes (\d\d-\d\d )?\d\d:\d\d(:\d\d)? +on it$", row)
    assert run(state, "unack", "abc").stdout == f"{ALERT} failure_rate w: nobody has it now\n"
    assert run(state, "acks").stdout == "nobody has anything\n"
    trail = json.loads(run(state, "acks", "--all", "--json").stdout)
    assert [(entry["who"], entry["what"], entry["effect"]) for entry in trail] == [
        ("joe", "ack", "local"),
        ("joe", "unack", "local"),
    ]


def test_put_off_write_to_and_list(state: Path) -> None:
    off = run(state, "snooze", "abc", "--for", "15m", "-m", "after lunch")
    assert (off.returncode, off.stderr) == (0, "")
    assert off.stdout.startswith(f"{ALERT} failure_rate w: joe has put it off until ")
    noted = run(state, "note", "abc", "restarted", "the worker", user="ann")
    assert noted.stdout == f"{ALERT} failure_rate w: note saved\n"
    (listed,) = json.loads(run(state, "acks", "--json").stdout)
    assert (listed["by"], listed["snooze"], listed["until_resolved"], listed["shared"]) == (
        "joe",
        True,
        False,
        False,
    )
    assert [(note["by"], note["text"]) for note in listed["notes"]] == [("ann", "restarted the worker")]
    assert listed["age_seconds"] < 60
    resolved = run(state, "snooze", "abc", "--until-resolved")
    assert resolved.stdout.endswith("has put it off until it is resolved, or until it gets worse\n")
    assert re.search(r"snoozed +joe +\d+s +wakes when it gets worse +after lunch$", run(state, "acks").stdout)
    assert run(state, "unack", "abc").returncode == 0
    trail = run(state, "acks", "--all").stdout.splitlines()
    assert [line.split()[2] for line in trail[1:]] == ["snooze", "note", "snooze", "unsnooze"]
    assert trail[0].split() == ["AT", "WHO", "WHAT", "ID", "RULE", "ABOUT", "EFFECT", "COMMENT"]


@pytest.mark.parametrize(
    "words",
    [
        ("snooze", "abc"),
        ("snooze", "abc", "--for", "1h", "--until-resolved"),
        ("snooze", "abc", "--for", "0"),
        ("snooze", "--for", "1h"),
        ("note", "abc"),
        ("unack", "abc", "--for", "1h"),
    ],
)
def test_wrong_use_is_exit_2(state: Path, words: tuple[str, ...]) -> None:
    refused = run(state, *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("wfmon-tui: ")


def test_held_by_someone_else_is_one_line_and_exit_1(state: Path) -> None:
    assert run(state, "ack", ALERT, user="ann").returncode == 0
    for words in (("ack", ALERT), ("unack", ALERT), ("snooze", ALERT, "--for", "1h")):
        refused = run(state, *words)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert len(refused.stderr.splitlines()) == 1
        assert "ann has it until" in refused.stderr


def test_gone_is_exit_1(state: Path) -> None:
    gone = run(state, "ack", "ffff")
    assert (gone.returncode, gone.stderr) == (1, "wfmon-tui: no open alert ffff\n")
    assert run(state, "unack", ALERT).stderr == f"wfmon-tui: {ALERT}: nobody has it\n"


def test_read_only_changes_nothing(state: Path) -> None:
    refused = run(state, "ack", ALERT, "--read-only")
    assert (refused.returncode, refused.stderr) == (1, "wfmon-tui: NOT SAVED: started with --read-only\n")
    assert json.loads(run(state, "acks", "--json").stdout) == []


def test_listing_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    assert run(tmp_path / "state", "acks").returncode == 0
    assert list((tmp_path / "state").iterdir()) == []


def test_a_corrupt_file_is_told(state: Path) -> None:
    (state / "acks.db").write_bytes(b"no database at all" * 500)
    listed = run(state, "acks")
    assert (listed.returncode, listed.stdout) == (1, "")
    assert listed.stderr == "wfmon-tui: acks cannot be read: corrupt\n"
    took = run(state, "ack", ALERT)
    assert took.returncode == 1
    assert "set aside as acks.db.corrupt-" in took.stderr


def test_it_loads_neither_the_screen_nor_the_sources(state: Path) -> None:
    code = (
        "import sys; from wfmon.cli.main import main; "
        f"main(['acks', '--state-dir', {str(state)!r}]); "
        "print([name for name in ('textual', 'httpx', 'psutil', 'requests') if name in sys.modules])"
    )
    environ = {**os.environ, "XDG_CONFIG_HOME": str(state.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
