"""Cutting bytes into lines, in the encodings that logs come in."""

from __future__ import annotations

import codecs

from wfmon.model.record import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04", b"\x04\x22\x4d\x18")


@dataclass(frozen=True, slots=True)
class Encoding:
    """``unit`` is the width of a newline in bytes; ``bom`` the length of the mark at the file's start."""

    codec: str = "utf-8"
    newline: bytes = b"\n"
    unit: int = 1
    bom: int = 0

    def to_utf8(self, raw: bytes) -> bytes:
        """A line without its end, as UTF-8; bytes that are not UTF-8 in a UTF-8 file stay as they are."""
        if self.codec == "utf-8":
            return raw[:-1] if raw[-1:] == b"\r" else raw
        return raw.decode(self.codec, "replace").rstrip("\r").encode("utf-8", "replace")

    def encoded(self, text: str) -> bytes:
        return text.encode(self.codec, "replace")


UTF8 = Encoding()


def find_encoding(name: str) -> Encoding | None:
    """The encoding of a setting; None if Python has none of that name for text."""
    try:
        codec = codecs.lookup(name).name
        newline = "\n".encode({"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(codec, codec))
    except (LookupError, UnicodeError, TypeError, ValueError):
        return None
    codec = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(codec, codec)
    if codec == "utf-8":
        return UTF8
    return Encoding(codec, newline, len(newline))


def detect(head: bytes, default: Encoding) -> Encoding:
    """The encoding that the byte order mark at the start of a file names, else ``default``."""
    for mark, codec in _BOMS:
        if head.startswith(mark):
            newline = "\n".encode(codec)
            return Encoding(codec, newline, len(newline), len(mark))
    return default


def is_compressed(head: bytes) -> bool:
    return head.startswith(_COMPRESSED)


def split(data: bytes, encoding: Encoding) -> tuple[list[bytes], int]:
    """(complete lines without their ends, bytes used). ``data`` begins at the start of a line."""
    if encoding.unit == 1:
        lines = data.split(b"\n")
        rest = lines.pop()
        return lines, len(data) - len(rest)
    lines, begin = [], 0
    while (end := find_newline(data, begin, encoding)) >= 0:
        lines.append(data[begin:end])
        begin = end + encoding.unit
    return lines, begin


def find_newline(data: bytes, begin: int, encoding: Encoding) -> int:
    """Index of the first newline from ``begin`` on, aligned to the unit; -1 if there is none."""
    at = data.find(encoding.newline, begin)
    while at >= 0 and (at - begin) % encoding.unit:
        at = data.find(encoding.newline, at + 1)
    return at
