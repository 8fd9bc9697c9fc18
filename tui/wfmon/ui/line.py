"""A line of text being typed."""

from __future__ import annotations

from wfmon.model.record import dataclass
from wfmon.text.sanitize import safe


@dataclass(slots=True)
class LineEditor:
    """Keys as ``keys.spelled`` writes them; ``cursor`` counts characters."""

    text: str = ""
    cursor: int = 0
    limit: int = 500

    def insert(self, text: str) -> None:
        """Insert printable characters; line ends become spaces, controls are dropped, the rest is made
        safe: a pasted text is as foreign as any other."""
        clean = "".join(c if c.isprintable() else " " for c in text if c.isprintable() or c in "\r\n\t")
        clean = clean[: self.limit - len(self.text)]
        after = self.text[self.cursor :]
        self._set(safe(self.text[: self.cursor] + clean)[: self.limit - len(after)], after)

    def press(self, key: str, character: str | None) -> bool:
        """Obey an editing key; False if it is none."""
        before, after = self.text[: self.cursor], self.text[self.cursor :]
        match key:
            case "left" | "ctrl-b":
                self.cursor = max(0, self.cursor - 1)
            case "right" | "ctrl-f":
                self.cursor = min(len(self.text), self.cursor + 1)
            case "home" | "ctrl-a":
                self.cursor = 0
            case "end" | "ctrl-e":
                self.cursor = len(self.text)
            case "backspace" | "ctrl-h":
                self._set(before[:-1], after)
            case "delete":
                self._set(before, after[1:])
            case "ctrl-u":
                self._set("", after)
            case "ctrl-k":
                self._set(before, "")
            case "ctrl-w":
                self._set(before.rstrip().rpartition(" ")[0], after)
            case _:
                if not character or not character.isprintable():
                    return False
                self.insert(character)
        return True

    def _set(self, before: str, after: str) -> None:
        self.text = before + after
        self.cursor = len(before)
