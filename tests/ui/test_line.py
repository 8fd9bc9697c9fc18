"""The line being typed: what is pasted into it is as foreign as any other text."""

from __future__ import annotations

from support.payloads import PAYLOADS
from wfmon.text.sanitize import safe
from wfmon.ui.line import LineEditor


def test_a_pasted_payload_is_safe_and_the_cursor_behind_it() -> None:
    for payload in PAYLOADS:
        editor = LineEditor("ab", 1)
        editor.insert(payload.text)
        assert safe(editor.text) == editor.text, payload.name
        assert len(editor.text) <= editor.limit
        assert editor.text[editor.cursor :] == "b"


def test_accents_are_kept_whether_typed_alone_or_not() -> None:
    editor = LineEditor()
    for character in "cafe\u0301":
        assert editor.press("x", character)
    assert editor.text == "cafe\u0301"
