"""Things to be found: processes that hold files and ports, and looks through the eyes of others."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Holder:
    process: subprocess.Popen[str]
    ports: tuple[int, ...]

    @property
    def pid(self) -> int:
        return self.process.pid


@contextmanager
def holding(
    script: Path, *words: str, argv0: str = "python3", rest: Sequence[str] = (), uid: int | None = None
) -> Iterator[Holder]:
    """A process with the command line ``argv0 script rest``, and open what ``words`` say: ``a=FILE`` to
    append, ``r=FILE`` to read, ``listen=ADDRESS`` a port. It ends with the block.

    It is a shell in truth, which every user may run wherever Python is installed.
    """
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("echo ready; read word\n")
    with ExitStack() as stack:
        ports, descriptors = [], []
        for word in words:
            how, _, place = word.partition("=")
            if how == "listen":
                server = stack.enter_context(socket.create_server((place, 0)))
                ports.append(server.getsockname()[1])
                descriptors.append(server.fileno())
            else:
                descriptors.append(stack.enter_context(open(place, how)).fileno())
        process = subprocess.Popen(
            [argv0, str(script), *rest],
            executable="/bin/sh",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=descriptors,
            user=uid,
            group=uid,
            extra_groups=[] if uid is not None else None,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n", f"{script} did not begin"
        yield Holder(process, tuple(ports))
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


def seen_by(uid: int, look: Callable[[], T], groups: Sequence[int] = ()) -> T:
    """What ``look`` gives to another user, who has no right of root left. What it needs must be loaded."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            os.setgroups(list(groups))
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(look(), pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the other user could not look"
    found: T = pickle.loads(told)
    return found
