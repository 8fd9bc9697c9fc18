"""What ``safe`` lets through, measured against Unicode itself and against the payload set."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.payloads import CONTROLS, HOSTILE_JSONL, HOSTILE_LOG, MARKUP, PAYLOADS, Payload, live_in
from wfmon.text.sanitize import guard, safe, safe_bytes, safe_lines

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me"]),
        st.sampled_from("\x1b\x9b\x07\r\n\t\u202e\u200d\ufe0f\u0301\u3164\u1160\U000e0041\U000e0100a "),
    ),
    max_size=60,
)
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"


def forbidden(text: str) -> list[str]:
    """Characters that must never reach a screen, judged by Unicode category."""
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return [char for char in text if unicodedata.category(char) in bad or char in INVISIBLE]


def longest_run_of_marks(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        longest = max(longest, run)
    return longest


@given(HOSTILE)
def test_nothing_forbidden_comes_out(text: str) -> None:
    shown = safe(text)
    assert forbidden(shown) == []
    assert longest_run_of_marks(shown) <= 4
    assert not any("\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" for char in shown)
    shown.encode("utf-8")


@given(HOSTILE, st.integers(1, 70))
def test_idempotent_and_bounded(text: str, limit: int) -> None:
    shown = safe(text, limit=limit)
    assert len(shown) <= limit
    assert safe(shown, limit=limit) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters=INVISIBLE)))
def test_printable_text_is_unchanged(text: str) -> None:
    jamo = any("\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff" for char in text)
    if not jamo:
        assert safe(text) == text


@given(HOSTILE)
def test_guard_agrees_with_safe_and_keeps_the_length(text: str) -> None:
    assert guard(safe(text)) == safe(text)
    guarded = guard(text)
    assert len(guarded) == len(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in guarded)


@pytest.mark.parametrize("payload", CONTROLS, ids=lambda payload: payload.name)
def test_each_payload_is_live_before_and_dead_after(payload: Payload) -> None:
    assert payload.harmful(payload.raw), "the payload's own check must see it"
    from_json = json.loads(payload.escaped)
    for shown in (safe(payload.text), safe(from_json), safe_bytes(payload.raw), safe(payload.escaped)):
        assert live_in(shown.encode()) == []
        assert forbidden(shown) == []
    assert not any(payload.harmful(row.encode()) for row in safe_lines(payload.text))
    guarded = guard(payload.text).encode("utf-8")
    if "flood" not in payload.name and payload.name not in ("mark-leading", "hangul-fillers", "unassigned"):
        assert not payload.harmful(guarded)


@pytest.mark.parametrize("payload", MARKUP, ids=lambda payload: payload.name)
def test_markup_is_text_and_stays_text(payload: Payload) -> None:
    assert safe(payload.text) == payload.text


def test_seed_files_are_dead_after_decoding() -> None:
    for line in HOSTILE_LOG.read_bytes().splitlines():
        assert live_in(safe_bytes(line).encode()) == []
    for line in HOSTILE_JSONL.read_bytes().splitlines():
        assert live_in(safe(json.loads(line)["message"]).encode()) == []


def test_payload_names_are_unique() -> None:
    assert len({payload.name for payload in PAYLOADS}) == len(PAYLOADS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A\x1b]0;x\x07B", "A␛]0;x␇B"),
        ("a\nb\r\nc\rd", "a␤b␤c␍d"),
        ("a\tb", "a    b"),
        ("a\x7fb\x9b", "a␡b<U+009B>"),
        ("user\u202etxt", "user<U+202E>txt"),
        ("file\udc9b.log", "file<0x9B>.log"),
        ("⚠️ done", "⚠ done"),
        ("1\u00a0234", "1 234"),
        ("日本\u3000語", "日本\u3000語"),
        ("e\u0301 เก็บ हिन्दी עִבְרִית", "e\u0301 เก็บ हिन्दी עִבְרִית"),
        ("\u1112\u1161\u11ab", "\u1112\u1161\u11ab"),
        ("\u0301x", "◌\u0301x"),
        ("z" + "\u0301" * 30, "z" + "\u0301" * 4 + "<+26 marks>"),
        ("x" + "\ufe0f" * 9, "x<+9 selectors>"),
        ("👩\u200d💻", "👩<U+200D>💻"),
    ],
)
def test_how_it_is_shown(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_limit_shows_that_it_cut() -> None:
    assert safe("abcdef", limit=6) == "abcdef"
    assert safe("abcdef", limit=5) == "abcd…"
    assert safe("\x9b" * 9, limit=12) == "<U+009B><U+…"
    assert safe("abc", limit=0) == ""


def test_lines() -> None:
    assert safe_lines("") == ()
    assert safe_lines("one\r\ntwo\x1b\n") == ("one", "two␛")
    assert safe_lines("a\n\nb") == ("a", "", "b")
    assert safe_lines("a\nb\nc\nd", limit_lines=3) == ("a", "b", "… 2 more lines")
    assert safe_lines("a\nb\nc\nd\n", limit_lines=3) == ("a", "b", "… 2 more lines")
    assert safe_lines("a\nb\nc\n", limit_lines=3) == ("a", "b", "c")
    assert len(safe_lines("x\n" * 5000)) == 200


@given(HOSTILE, st.integers(1, 6))
def test_lines_are_rows(text: str, limit_lines: int) -> None:
    rows = safe_lines(text, limit_lines=limit_lines)
    assert len(rows) <= limit_lines
    assert all(forbidden(row) == [] for row in rows)


@given(st.binary(max_size=80), st.sampled_from(["utf-8", "latin-1", "utf-16", "cp1252", "no-such", "idna"]))
def test_any_bytes_in_any_encoding(raw: bytes, encoding: str) -> None:
    assert forbidden(safe_bytes(raw, encoding=encoding)) == []


def test_bytes_read_no_more_than_needed() -> None:
    assert safe_bytes(b"x" * 10_000_000, limit=10) == "xxxxxxxxx…"
    assert safe_bytes("déjà".encode("latin-1"), encoding="latin-1") == "déjà"
    assert safe_bytes(b"caf\xe9") == "caf�"
