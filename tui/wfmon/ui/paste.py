"""Takes the escapes out of what is pasted, before a parser reads them as keys.

Textual reissues an escape sequence inside a bracketed paste as key presses: a pasted text could then
close a prompt and go on as commands. Most terminals strip such characters themselves.
"""

from __future__ import annotations

BEGIN, END = "\x1b[200~", "\x1b[201~"
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)])


class PasteGuard:
    """Cleans input as it arrives in pieces; what is not pasted stays as it is."""

    def __init__(self) -> None:
        self._inside = False
        self._held = ""  # the beginning of what may become a mark

    def clean(self, text: str) -> str:
        """``text`` without control characters between the marks of a paste, but for line ends and tabs."""
        if not self._inside and not self._held and "\x1b[2" not in text:
            return text
        text, self._held = self._held + text, ""
        out: list[str] = []
        while text:
            mark = END if self._inside else BEGIN
            part, found, text = text.partition(mark)
            if not found:
                part = self._hold(part, mark)
            out.append(part.translate(_CONTROLS) if self._inside else part)
            out.append(found)
            self._inside ^= bool(found)
        return "".join(out)

    def _hold(self, part: str, mark: str) -> str:
        """``part`` without an end that may be the beginning of ``mark``.

        Outside a paste no shorter one than ``ESC [ 2`` is held: a person's escape key must not wait.
        """
        for length in range(len(mark) - 1, 0 if self._inside else 2, -1):
            if part.endswith(mark[:length]):
                self._held = mark[:length]
                return part[:-length]
        return part
