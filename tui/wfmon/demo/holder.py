"""A helper process that is asked for something and never answers, holding its memory meanwhile."""

from __future__ import annotations

import subprocess
import sys

MEMORY = 12 * 1024 * 1024


class Holder:
    """The parent's side. The child ends with its standard input, so also when the parent is killed."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "wfmon.demo.holder", "imap-fetch"]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def end(self) -> None:
        """Ends the child, within half a second whatever it does."""
        if self._child.stdin:
            self._child.stdin.close()
        try:
            self._child.wait(0.3)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def main() -> None:
    ballast = b"\x5a" * MEMORY
    sys.stdin.buffer.read()
    del ballast


if __name__ == "__main__":
    main()
