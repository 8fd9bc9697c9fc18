"""Lines that are one only together: an object written over several lines, and a line that a container's
runtime cut into parts."""

from __future__ import annotations

import re

import msgspec

from wfmon.sources.logfiles.envelopes import parse_json, to_text

MAX_LINES = 2000
MAX_BYTES = 1 << 20
_DOCKER = b'{"log":"'
_DOCKER_PART = 16_000  # Docker cuts what is longer than 16 KiB, and leaves the line end out
_CRI = re.compile(rb"([0-9T:.Z+-]{20,40} std(?:out|err) )([FP]) ")


def opens(line: bytes) -> bool:
    """Whether a line is only the first part of what was written."""
    first = line[:1]
    if first == b"{":
        return line.rstrip() == b"{" if len(line) < 4 else _is_docker_part(line)
    return b" P " in line[:48] and _is_cri_part(line)


def continues(block: list[bytes], line: bytes) -> bool:
    """Whether ``line`` may belong to the block."""
    if len(block) >= MAX_LINES:
        return False
    if len(block[0]) < 4:
        return line[:1] in (b" ", b"\t", b"}")
    if block[0].startswith(_DOCKER):
        return line.startswith(_DOCKER)
    return _CRI.match(line) is not None


def ends(block: list[bytes], line: bytes) -> bool:
    """Whether ``line``, which continues the block, is its last."""
    if len(block[0]) < 4:
        return line[:1] == b"}"
    return not (_is_docker_part(line) if block[0].startswith(_DOCKER) else _is_cri_part(line))


def joined(block: list[bytes]) -> bytes:
    """The whole as one line (or one object)."""
    if len(block[0]) < 4:
        return b"\n".join(block)
    if block[0].startswith(_DOCKER):
        return _joined_docker(block)
    found = [_CRI.match(line) for line in block]
    text = b"".join(line[match.end() :] for line, match in zip(block, found, strict=True) if match)
    return (found[0][1] if found[0] else b"") + b"F " + text


def _joined_docker(block: list[bytes]) -> bytes:
    parts = [part for line in block if type(part := parse_json(line)) is dict]
    text = "".join(log for part in parts if type(log := part.get("log")) is str)
    return msgspec.json.encode({**parts[0], "log": text}) if parts else block[0]


def _is_docker_part(line: bytes) -> bool:
    return len(line) > _DOCKER_PART and line.startswith(_DOCKER) and b'\\n","' not in line[-300:]


def _is_cri_part(line: bytes) -> bool:
    found = _CRI.match(line)
    return found is not None and found[2] == b"P"


def unwrapped(line: bytes) -> str:
    """A continuing line without what a container's runtime put around it."""
    if line.startswith(_DOCKER):
        value = parse_json(line)
        if type(value) is dict and type(text := value.get("log")) is str:
            return text.rstrip("\n")
    found = _CRI.match(line)
    return to_text(line[found.end() :] if found else line)
