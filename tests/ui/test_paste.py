"""What is pasted arrives as text, whatever it holds and however it is cut; keys stay keys."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste

from support.payloads import PAYLOADS
from wfmon.ui.paste import BEGIN, END, PasteGuard

PASTED = st.text("aq~02[1\x1b\x07\x9b\n\té", max_size=30).filter(lambda text: END not in text)
KEYS = st.sampled_from(["j", "\x1b", "\x1b[A", "\x1b[2~", "\x1b[201~", "[", "2"])
TYPED = st.lists(KEYS, max_size=5).map("".join)


@given(TYPED, PASTED, TYPED, st.lists(st.integers(0, 60), max_size=6))
def test_only_the_controls_of_a_paste_go_wherever_it_is_cut(
    before: str, pasted: str, after: str, cuts: list[int]
) -> None:
    guard = PasteGuard()
    rest = f"{pasted}{END}{after}x"
    places = sorted({0, len(rest), *(cut for cut in cuts if cut < len(pasted + END))})
    pieces = [rest[start:end] for start, end in pairwise(places)]
    seen = "".join(map(guard.clean, [f"{before}{BEGIN}", *pieces]))
    inner = "".join(char for char in pasted if char.isprintable() or char in "\n\t")
    assert seen == f"{before}{BEGIN}{inner}{END}{after}x"


def test_a_begin_in_two_pieces_is_one_and_escape_does_not_wait() -> None:
    guard = PasteGuard()
    assert guard.clean("\x1b") == "\x1b"
    assert guard.clean("\x1b[20") + guard.clean("0~\x1b") + guard.clean("a" + END) == f"{BEGIN}a{END}"


def test_no_payload_becomes_a_key() -> None:
    guard, parser = PasteGuard(), XTermParser()
    for payload in PAYLOADS:
        text = payload.raw.decode("utf-8", "replace")
        events = list(parser.feed(guard.clean(f"{BEGIN}{text}{END}"))) + list(parser.feed(guard.clean("j")))
        assert [type(event) for event in events] == [Paste, Key], payload.name


def test_without_it_they_do() -> None:
    events = list(XTermParser().feed(f"{BEGIN}x\x1b]0;q\x07aq{END}j"))
    assert len([event for event in events if isinstance(event, Key)]) > 1, "Textual has mended it: drop ours"
