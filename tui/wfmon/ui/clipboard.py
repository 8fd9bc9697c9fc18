"""What is copied: sent to the terminal, of which nobody hears whether it took it, and kept in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from wfmon.text.redact import redact
from wfmon.text.sanitize import safe
from wfmon.ui.aside import aside
from wfmon.ui.copies import Copies, clipped, homely


class Tells(Protocol):
    read_only: bool

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...
    def now(self) -> float: ...
    def tell(self, text: str, *, ok: bool = True) -> None: ...


def send(text: str, to: Callable[[str], None]) -> str:
    """Send ``text``, redacted and as far as terminals take it; what to say of that."""
    sent, part = clipped(redact(text))
    to(sent)
    return f"sent to the terminal's clipboard{f', only {part}' if part else ''}"


def hand_over(
    shell: Tells, text: str, what: str, to: Callable[[str], None], copies: Callable[[], Copies] | None
) -> None:
    """Send ``text`` and keep it in a file named by ``what``, where files may be written: ``copies``."""
    sent = send(text, to)
    if shell.read_only or copies is None:
        why = "read-only" if shell.read_only else "there is no state directory"
        shell.tell(f"{sent}; in no file: {why}")
    else:
        shell.start(keep(shell, copies, text, what, sent))


async def keep(shell: Tells, copies: Callable[[], Copies], text: str, what: str, sent: str) -> None:
    """Save ``text``, redacted, in a file named by ``what``, and tell where it is. ``sent``: what to say of
    the clipboard."""
    now, kept = shell.now(), redact(text)
    try:
        path = await aside(lambda: copies().save(what, kept, now))
    except OSError as error:
        shell.tell(f"{sent}; NOT in a file: {safe(error.strerror or str(error))}", ok=False)
    else:
        shell.tell(f"{sent}; also in {safe(homely(path))}")


def save_each(shell: Tells, texts: Mapping[str, str], what: str, copies: Callable[[], Copies] | None) -> None:
    """Keep ``texts``, by kind (``csv``, ``json``, ``md``), in files named by ``what``."""
    if shell.read_only or copies is None:
        why = "read-only" if shell.read_only else "there is no state directory"
        shell.tell(f"nothing was saved: {why}", ok=False)
    else:
        shell.start(_save_each(shell, copies, texts, what))


async def _save_each(shell: Tells, copies: Callable[[], Copies], texts: Mapping[str, str], what: str) -> None:
    now, kept = shell.now(), {kind: redact(text) for kind, text in texts.items()}

    def write() -> list[str]:
        there = copies()
        return [homely(there.save(what, text, now, kind)) for kind, text in kept.items()]

    try:
        names = await aside(write)
    except OSError as error:
        shell.tell(f"NOT saved: {safe(error.strerror or str(error))}", ok=False)
        return
    first, *others = names
    stem = first.rpartition(".")[0]
    more = [name.removeprefix(stem) for name in others]
    shell.tell(f"saved {safe(first)}{''.join(f', {safe(name)}' for name in more)}")
