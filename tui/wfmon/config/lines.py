"""In which line of a TOML text a key stands.

``tomllib`` does not say. The scanner here follows the structure of a text that ``tomllib`` has
already accepted: tables, arrays of tables, dotted and quoted keys, inline tables and arrays.
"""

from __future__ import annotations

import re

from wfmon.config.problems import KeyPath

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


class KeyLines:
    """Lines of the keys of one TOML text that is known to be right."""

    def __init__(self, text: str) -> None:
        self._lines = _Scanner(text).scan()

    def of(self, path: KeyPath) -> int | None:
        """Line (from 1) of ``path``, else of the nearest table or array that holds it, else None."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted_to = 0
        self._found: dict[KeyPath, int] = {}
        self._entries: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._array_header()
            elif self._text.startswith("[", self._at):
                table = self._table_header()
            else:
                self._pair(table)
        return self._found

    def _array_header(self) -> KeyPath:
        line = self._line_here()
        self._at += 2
        name = self._key()
        self._at += 2
        path = self._resolve(name[:-1]) + name[-1:]
        self._entries[path] = self._entries.get(path, -1) + 1
        self._found.setdefault(path, line)
        entry = (*path, self._entries[path])
        self._found[entry] = line
        return entry

    def _table_header(self) -> KeyPath:
        line = self._line_here()
        self._at += 1
        path = self._resolve(self._key())
        self._at += 1
        self._note(path, line)
        return path

    def _resolve(self, name: KeyPath) -> KeyPath:
        """A header's name with the index of the newest entry behind each array of tables."""
        path: KeyPath = ()
        for part in name:
            path = (*path, part)
            if path in self._entries:
                path = (*path, self._entries[path])
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line_here()
        path = table + self._key()
        self._note(path, line, above=len(table))
        self._skip(_SPACE)
        self._at += 1  # the "="
        self._skip(_SPACE)
        self._value(path)

    def _note(self, path: KeyPath, line: int, above: int = 0) -> None:
        for length in range(above + 1, len(path)):
            self._found.setdefault(path[:length], line)
        self._found[path] = line

    def _value(self, path: KeyPath) -> None:
        opener = self._text[self._at : self._at + 1]
        if opener == "{":
            self._at += 1
            while self._inside("}"):
                self._pair(path)
        elif opener == "[":
            self._at += 1
            index = 0
            while self._inside("]"):
                self._found[(*path, index)] = self._line_here()
                self._value((*path, index))
                index += 1
        elif opener in ("'", '"'):
            self._string()
        else:
            self._skip(_SCALAR)

    def _inside(self, closer: str) -> bool:
        """Whether another element follows; steps over blanks, commas and, at the end, ``closer``."""
        while self._skip(_BLANK) < len(self._text) and self._text[self._at] == ",":
            self._at += 1
        if self._at < len(self._text) and self._text[self._at] == closer:
            self._at += 1
            return False
        return self._at < len(self._text)

    def _key(self) -> KeyPath:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            parts.append(self._key_part())
            self._skip(_SPACE)
            if self._text[self._at : self._at + 1] != ".":
                return tuple(parts)
            self._at += 1

    def _key_part(self) -> str:
        if self._text[self._at : self._at + 1] in ("'", '"'):
            return _unquoted(self._string())
        start = self._at
        match = _BARE_KEY.match(self._text, start)
        self._at = start + 1 if match is None else match.end()
        return self._text[start : self._at]

    def _string(self) -> str:
        for pattern in _STRINGS:
            match = pattern.match(self._text, self._at)
            if match is not None:
                self._at = match.end()
                return match.group()
        self._at += 1
        return ""

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._at

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line


def _unquoted(quoted: str) -> str:
    """The text of a quoted key."""
    import tomllib

    (name,) = tomllib.loads(f"{quoted} = 0")
    return name
