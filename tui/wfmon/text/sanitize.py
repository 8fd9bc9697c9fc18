"""Text from outside, made safe to show.

What comes out holds no C0, DEL, C1, surrogate, bidi control, zero-width or other format character,
no line or paragraph separator, no private or unassigned code point, and no flood of combining marks
or variation selectors. What was there is shown: ``␛`` for ESC, ``␤`` for a line end, ``<U+202E>`` for
the rest. Three things change silently, because they carry no meaning of their own: a tab becomes
four spaces, an exotic space becomes a space, and a single variation selector behind a character is
dropped (its width differs between terminals).
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category

ELLIPSIS = "…"
_TAB = "    "
_IDEOGRAPHIC_SPACE = "\u3000"

# Marks that may follow one base character; more than real scripts need is a flood.
_MARKS_KEPT = 4

# Printable characters that never combine and are never invisible: text of only these needs no look
# at each character. Ranges without Mn, Me or default-ignorable code points.
# This pattern and the selectors' are left to re's cache: compiling them would be 1.5 ms of every start.
_SIMPLE = (
    "[\u0020-\u02ff\u0370-\u0482\u048a-\u0590\u1e00-\u1fff\u2010-\u20cf\u2100-\u2ceb\u3000-\u3029"
    "\u3030-\u3098\u309b-\u3163\u3165-\ua66e\uac00-\ud7a3\uf900-\ufaff\uff01-\uff9f"
    "\U0001f000-\U0001faff]*"
)
_ATTENTION = re.compile("\r\n|[^ -~]+")
_ZERO_WIDTH_JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_SELECTORS = "[\u034f\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"

_GUARDED = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_GUARD_SIGN = "\ufffd"


def safe(text: str, *, limit: int = 10_000) -> str:
    """``text`` as one safe row of at most ``limit`` characters, ending in ``…`` where it was cut.

    Idempotent; printable text within the limit comes back as it is.
    """
    if len(text) <= limit and text.isprintable() and (text.isascii() or re.fullmatch(_SIMPLE, text)):
        return text
    return _safe(text, limit)


def safe_lines(text: str, *, limit_lines: int = 200, limit: int = 10_000) -> tuple[str, ...]:
    """``text`` cut at its line ends (``\\n`` or ``\\r\\n``), each row as ``safe`` makes it.

    At most ``limit_lines`` rows; where there are more, the last row says how many are left out.
    A line end at the very end opens no further row.
    """
    lines = text.split("\n", limit_lines + 1)
    if lines[-1] == "":
        lines.pop()
    if len(lines) > limit_lines:
        left_out = text.count("\n") + (not text.endswith("\n")) - (limit_lines - 1)
        rows = [safe(line.removesuffix("\r"), limit=limit) for line in lines[: limit_lines - 1]]
        return (*rows, f"{ELLIPSIS} {left_out} more lines")
    return tuple(safe(line.removesuffix("\r"), limit=limit) for line in lines)


def safe_bytes(raw: bytes, *, encoding: str = "utf-8", limit: int = 10_000) -> str:
    """``raw`` decoded (``�`` for what is not ``encoding``; UTF-8 if Python has no such encoding)."""
    bytes_needed = (limit + 1) * 4
    head = raw[:bytes_needed]
    try:
        text = head.decode(encoding, "replace")
    except (LookupError, UnicodeError):
        text = head.decode("utf-8", "replace")
    return safe(text, limit=limit)


def guard(text: str) -> str:
    """The last check on text that goes to the terminal: each control character becomes ``�``.

    Text that went through ``safe`` comes back as it is. The number of characters stays the same.
    """
    if text.isprintable():
        return text
    return _GUARDED.sub(_GUARD_SIGN, text)


def _safe(text: str, limit: int) -> str:
    if limit <= 0:
        return ""
    cut = len(text) > limit
    if cut:
        text = text[:limit]
    shown = _ATTENTION.sub(_show_match, text)
    if cut or len(shown) > limit:
        return shown[: limit - 1] + ELLIPSIS
    return shown


def _show_match(match: re.Match[str]) -> str:
    run = match.group()
    if run == "\r\n":
        return "␤"
    at_start = match.start() == 0
    if run.isprintable() and re.fullmatch(_SIMPLE, run):
        return run
    return _show_run(run, at_start)


def _show_run(run: str, at_start: bool) -> str:
    """Characters outside printable ASCII, one after the other, clusters of marks kept together."""
    out: list[str] = []
    index = 0
    while index < len(run):
        char = run[index]
        if not _combines(char):
            if char == "\r" and run[index + 1 : index + 2] == "\n":
                index += 1
                char = "\n"
            out.append(_show_char(char))
            index += 1
            continue
        end = index
        while end < len(run) and _combines(run[end]):
            end += 1
        out.append(_show_cluster(run[index:end], has_base=index > 0 or not at_start))
        index = end
    return "".join(out)


@lru_cache(maxsize=4096)
def _combines(char: str) -> bool:
    if char in _FILLERS:
        return False
    if category(char) in ("Mn", "Me"):
        return True
    return _ZERO_WIDTH_JAMO.match(char) is not None and char.isprintable()


def _show_cluster(cluster: str, *, has_base: bool) -> str:
    """Marks and variation selectors that follow one base character."""
    marks = re.sub(_SELECTORS, "", cluster)
    selectors = len(cluster) - len(marks)
    out = marks[:_MARKS_KEPT]
    if out and not has_base:
        out = "◌" + out
    if len(marks) > _MARKS_KEPT:
        out += f"<+{len(marks) - _MARKS_KEPT} marks>"
    if selectors > 1:
        out += f"<+{selectors} selectors>"
    return out


@lru_cache(maxsize=4096)
def _show_char(char: str) -> str:
    code = ord(char)
    if char == "\t":
        return _TAB
    if char == "\n":
        return "␤"
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0xDC80 <= code <= 0xDCFF:
        # A byte that was not text, as os.fsdecode and surrogateescape carry it.
        return f"<0x{code - 0xDC00:02X}>"
    if char.isprintable() and char not in _FILLERS:
        return char
    if category(char) == "Zs":
        return char if char == _IDEOGRAPHIC_SPACE else " "
    return f"<U+{code:04X}>"
