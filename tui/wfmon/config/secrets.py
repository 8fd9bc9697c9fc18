"""Secrets where they are used: ``env:NAME``, ``file:PATH`` or the output of a command."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wfmon.config.schema import Auth
from wfmon.model.record import dataclass, field
from wfmon.text.sanitize import safe

COMMAND_SECONDS = 5.0
_MAX_BYTES = 64 * 1024


class SecretError(Exception):
    """A secret cannot be had. The text is safe to show and names the reference, never the secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A bearer token, or a user name with a password. Secrets do not show in ``repr``."""

    bearer: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def resolve(auth: Auth | None, environ: Mapping[str, str] | None = None) -> Credentials:
    """What ``auth`` refers to, read anew (tokens in files rotate). Blocks up to 5 s for a command.

    The output of ``cmd`` is the password where there is a user name, else the bearer token.
    Raises ``SecretError``.
    """
    if auth is None:
        return Credentials()
    environ = os.environ if environ is None else environ
    secret: str | None
    if auth.cmd is not None:
        secret = _from_command(auth.cmd)
    else:
        reference = auth.bearer if auth.bearer is not None else auth.password
        secret = None if reference is None else _from_reference(reference, environ)
    if auth.username:
        return Credentials(username=auth.username, password=secret)
    return Credentials(bearer=secret)


def _from_reference(reference: str, environ: Mapping[str, str]) -> str:
    kind, _, rest = reference.partition(":")
    if kind == "env":
        if rest not in environ:
            raise SecretError(f"environment variable {safe(rest, limit=80)} is not set")
        return _clean(environ[rest], f"env:{rest}")
    if kind == "file":
        return _clean(_read_file(rest), reference)
    raise SecretError('the secret is not a reference, expected "env:NAME" or "file:PATH"')


def _read_file(path: str) -> str:
    shown = safe(path, limit=200)
    try:
        with open(os.path.expanduser(path), "rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a file name"
        raise SecretError(f"secret file {shown} cannot be read: {reason}") from error
    return _decode(raw, f"file:{shown}")


def _from_command(command: list[str]) -> str:
    import signal
    import subprocess

    shown = safe(command[0], limit=200)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a command"
        raise SecretError(f"secret command {shown} cannot be run: {reason}") from error
    with process:
        try:
            raw, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired as error:
            # The whole session: a child that holds the pipe would hold us too.
            os.killpg(process.pid, signal.SIGKILL)
            raise SecretError(f"secret command {shown} took longer than {COMMAND_SECONDS:g} s") from error
    if process.returncode != 0:
        raise SecretError(f"secret command {shown} failed with exit code {process.returncode}")
    return _clean(_decode(raw, shown), shown)


def _decode(raw: bytes, place: str) -> str:
    if len(raw) > _MAX_BYTES:
        raise SecretError(f"secret of {safe(place, limit=200)} is larger than 64 KiB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SecretError(f"secret of {safe(place, limit=200)} is not text") from error


def _clean(secret: str, place: str) -> str:
    """The secret without the line end of its file; nothing that could forge a header."""
    secret = secret.strip()
    if not secret:
        raise SecretError(f"secret of {safe(place, limit=200)} is empty")
    if not secret.isprintable():
        raise SecretError(f"secret of {safe(place, limit=200)} has control characters in it")
    return secret
