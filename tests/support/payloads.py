"""The payload set: text that harms a terminal or a widget when it gets through.

``PAYLOADS`` holds every row of triage-keys-safety 5 and 6; ``tests/payloads/payloads.json`` is the
data (``pattern``: a regular expression on the bytes that reached the terminal). The patterns are
made so that a Textual program's own output does not match them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "payloads"
HOSTILE_LOG = FOLDER / "evil.log"
HOSTILE_JSONL = FOLDER / "evil.jsonl"


@dataclass(frozen=True, slots=True)
class Payload:
    """``text`` is the live text, ``raw`` its bytes as they would stand in a file or an argument.

    ``pattern`` matches the bytes of an output in which the payload is live; None for markup, whose
    harm is an exception, or that ``text`` is not shown as it is.
    """

    name: str
    kind: str
    harm: str
    text: str
    raw: bytes
    pattern: re.Pattern[bytes] | None

    @property
    def escaped(self) -> str:
        """The text as a JSON string, every non-ASCII and control character escaped, with quotes."""
        return json.dumps(self.text)

    def json_line(self, **fields: object) -> bytes:
        """One JSON log line with the payload as its message, other ``fields`` as given."""
        return json.dumps({**fields, "message": self.text}).encode() + b"\n"

    def harmful(self, output: bytes) -> bool:
        """Whether the payload is live in ``output``."""
        return self.pattern is not None and self.pattern.search(output) is not None


def _load() -> tuple[Payload, ...]:
    rows = json.loads((FOLDER / "payloads.json").read_text(encoding="utf-8"))
    return tuple(_payload(row) for row in rows)


def _payload(row: dict[str, str]) -> Payload:
    text, pattern = row["text"], row.get("pattern")
    if "raw" in row:
        raw = row["raw"].encode("ascii").decode("unicode_escape").encode("latin-1")
    else:
        raw = text.encode("utf-8", "surrogatepass")
    return Payload(
        name=row["name"],
        kind=row["kind"],
        harm=row["harm"],
        text=text,
        raw=raw,
        pattern=None if pattern is None else re.compile(pattern.encode("ascii"), re.DOTALL),
    )


PAYLOADS = _load()
CONTROLS = tuple(payload for payload in PAYLOADS if payload.kind == "control")
MARKUP = tuple(payload for payload in PAYLOADS if payload.kind == "markup")


def live_in(output: bytes) -> list[str]:
    """Names of the payloads that are live in ``output``; empty is good."""
    return [payload.name for payload in PAYLOADS if payload.harmful(output)]
