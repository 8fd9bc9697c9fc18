from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from wfmon.config import secrets
from wfmon.config.schema import Auth
from wfmon.config.secrets import Credentials, SecretError, resolve


def test_no_auth_is_no_credentials() -> None:
    assert resolve(None) == Credentials()


def test_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t0ken\n")
    assert resolve(Auth(bearer="env:T"), {"T": "abc"}).bearer == "abc"
    assert resolve(Auth(bearer=f"file:{file}"), {}).bearer == "t0ken"
    assert resolve(Auth(username="joe", password="env:P"), {"P": "pw"}) == Credentials(
        username="joe", password="pw"
    )
    file.write_text("second")
    assert resolve(Auth(bearer=f"file:{file}"), {}).bearer == "second", "tokens in files rotate"


def test_from_a_command_without_a_shell() -> None:
    auth = Auth(cmd=[sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME;`id`"])
    assert resolve(auth).bearer == "$HOME;`id`"
    assert resolve(Auth(username="joe", cmd=[sys.executable, "-c", "print('pw')"])).password == "pw"


def test_a_command_that_hangs_is_ended_with_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(secrets, "COMMAND_SECONDS", 1.0)
    file = tmp_path / "child"
    with pytest.raises(SecretError, match="took longer than"):
        resolve(Auth(cmd=["sh", "-c", f"sleep 60 & echo $! > {file}; wait"]))
    child = int(file.read_text())
    deadline = time.monotonic() + 20
    while _runs(child):
        assert time.monotonic() < deadline, "the child was left behind"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        (Auth(bearer="env:NOT_THERE"), "environment variable NOT_THERE is not set"),
        (Auth(bearer="env:EMPTY"), "secret of env:EMPTY is empty"),
        (Auth(bearer="env:LINES"), "has control characters in it"),
        (Auth(bearer="file:/nonexistent/x"), "cannot be read: No such file"),
        (Auth(bearer="plain"), "is not a reference"),
        (Auth(cmd=["/nonexistent/x"]), "cannot be run: No such file"),
        (Auth(cmd=[sys.executable, "-c", "raise SystemExit(3)"]), "failed with exit code 3"),
        (Auth(cmd=[sys.executable, "-c", "print('x' * 70000)"]), "larger than 64 KiB"),
    ],
)
def test_what_cannot_be_had_is_told_without_the_secret(auth: Auth, message: str) -> None:
    with pytest.raises(SecretError, match=message) as caught:
        resolve(auth, {"EMPTY": " ", "LINES": "s3cret\r\nX-Evil: 1"})
    assert "s3cret" not in str(caught.value)


def test_secrets_do_not_show_in_a_repr() -> None:
    assert "pw" not in repr(Credentials(bearer="pw", username="joe", password="pw"))
