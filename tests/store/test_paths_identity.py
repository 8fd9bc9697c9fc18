from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wfmon.store.identity import same_person, shown_name, who
from wfmon.store.network import on_network
from wfmon.store.paths import state_dir


def test_private_by_default(tmp_path: Path) -> None:
    found = state_dir("", {"XDG_STATE_HOME": str(tmp_path)}, system=tmp_path / "none")
    assert (found.path, found.shared, found.problem, found.file_mode) == (
        tmp_path / "wfmon",
        False,
        None,
        0o600,
    )
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o700


def test_home_without_xdg(tmp_path: Path) -> None:
    found = state_dir("", {"HOME": str(tmp_path)}, system=tmp_path / "none")
    assert found.path == tmp_path / ".local/state/wfmon"


def test_the_system_directory_is_used_where_it_is(tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir()
    system.chmod(0o2770)
    found = state_dir("", {"XDG_STATE_HOME": str(tmp_path)}, system=system)
    assert (found.path, found.shared, found.file_mode) == (system, True, 0o660)


def test_config_wins(tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir()
    assert state_dir(str(tmp_path / "mine"), {}, system=system).path == tmp_path / "mine"


def test_a_directory_open_to_everybody_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert "writable by everybody" in (state_dir(str(tmp_path), {}).problem or "")


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "not a directory" in (state_dir(str(tmp_path / "file" / "state"), {}).problem or "")


def test_who_only_looks_makes_no_directory(tmp_path: Path) -> None:
    found = state_dir(str(tmp_path / "state"), {}, make=False)
    assert (found.path, found.problem) == (tmp_path / "state", None)
    assert not found.path.exists()


@pytest.mark.parametrize(
    ("environ", "configured", "expected"),
    [
        ({"WFMON_USER": "dana", "SUDO_USER": "joe"}, "team", "dana"),
        ({"SUDO_USER": "joe"}, "team", "team"),
        ({"SUDO_USER": "joe", "SSH_CONNECTION": "10.0.3.7 5 6 7"}, "", "joe"),
        ({"WFMON_USER": "  "}, "", "ubuntu"),
    ],
)
def test_who(environ: dict[str, str], configured: str, expected: str) -> None:
    assert who(environ, configured, login="ubuntu").split(" ")[0] == expected


def test_login_and_where_from() -> None:
    name = who({"SSH_CONNECTION": "10.0.3.7 50 10.0.0.1 22", "SSH_TTY": "/dev/pts/2"}, login="ubuntu")
    assert name.startswith("ubuntu from 10.0.3.7 ")


def test_an_unknown_uid_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert who({}).startswith("uid 54321")


def test_a_name_cannot_draw() -> None:
    assert "\x1b" not in who({"WFMON_USER": "\x1b[31mjoe"})


def test_persons() -> None:
    assert shown_name("ubuntu", "dana: on it") == "dana (ubuntu)"
    assert shown_name("ubuntu", "on it: now") == "ubuntu"
    assert same_person("u from 10.0.0.1 pts/1", "", "u from 10.0.0.1 pts/9", "")
    assert same_person("u from pts/1", "", "u from pts/9", "")
    assert not same_person("u from 10.0.0.1 pts/1", "", "u from 10.0.0.2 pts/1", "")
    assert not same_person("joe", "", "ann", "")
    assert not same_person("u", "dana: x", "u", "joe: y")
    assert same_person("u", "dana: x", "u", "")


def test_network_homes_are_known_by_their_mount(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mounts = tmp_path / "mountinfo"
    line = "36 35 98:0 / {} rw,noatime shared:1 - {} source rw\n"
    mounts.write_text(line.format("/", "ext4") + line.format(home, "nfs4"))
    assert on_network(home / "joe", mounts)
    assert not on_network(tmp_path, mounts)
    mounts.write_text(line.format("/", "ext4") + line.format(home, "fuse.sshfs"))
    assert on_network(home, mounts)
    assert not on_network(home, tmp_path / "missing")
