"""The line of every key, held against texts whose lines are known by construction."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.config.lines import KeyLines
from wfmon.config.problems import KeyPath
from wfmon.config.resources import shipped_config

TEXT = '''\
# a comment with [brackets] and = signs
top = 1
[ui] # theme = "no"
theme = "dark"
"quoted key" = """
[not.a.table]
x = 1
"""
'lit.eral' = \'\'\'
y = 2\'\'\'
a.b.c = 5

[[source]]
kind = "scrape"
urls = [
  "http://one", # ] }
  "http://two",
]
auth = { bearer = "env:X", inner = { deep = 1 } }

[[source]]
kind = "logs"
[source.fields]
run = ["id"]

[[storage.dir]]
path = "}"
[[storage.dir]]
path = '\\'
limit = 1979-05-27T07:32:00Z
[ alerts . "memory" ]
warn = { trip = 0.1 }
list = [ { a = 1 },
  { a = 2 } ]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("ui",), 3),
        (("ui", "theme"), 4),
        (("ui", "quoted key"), 5),
        (("ui", "lit.eral"), 9),
        (("ui", "a", "b", "c"), 11),
        (("ui", "a"), 11),
        (("source",), 13),
        (("source", 0), 13),
        (("source", 0, "kind"), 14),
        (("source", 0, "urls"), 15),
        (("source", 0, "urls", 1), 17),
        (("source", 0, "auth", "bearer"), 19),
        (("source", 0, "auth", "inner", "deep"), 19),
        (("source", 1), 21),
        (("source", 1, "kind"), 22),
        (("source", 1, "fields", "run"), 24),
        (("source", 1, "name"), 21),
        (("storage", "dir", 0, "path"), 27),
        (("storage", "dir", 1, "path"), 29),
        (("storage", "dir", 1, "limit"), 30),
        (("alerts", "memory", "warn", "trip"), 32),
        (("alerts", "memory", "warn", "clear"), 32),
        (("alerts", "memory", "list", 1, "a"), 34),
        (("alerts", "memory", "nothing"), 31),
        (("nowhere", "at all"), None),
    ],
)
def test_line_of_key(path: KeyPath, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert KeyLines(TEXT).of(path) == line


def test_every_key_of_the_shipped_config_is_on_its_line() -> None:
    text = shipped_config().read_text(encoding="utf-8")
    rows = text.split("\n")
    lines = KeyLines(text)

    def look(value: object, path: KeyPath) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                line = lines.of((*path, key))
                assert line is not None
                assert key in rows[line - 1]
                look(inner, (*path, key))

    look(tomllib.loads(text), ())


@given(st.text(alphabet="[]{}=\"'\n#., ab1\\\t", max_size=60))
def test_any_text_is_scanned_to_its_end(text: str) -> None:
    """Only TOML that was read without error is scanned, but nothing may hang or raise there."""
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    lines = KeyLines(text)
    for key in values:
        assert lines.of((key,)) is not None
