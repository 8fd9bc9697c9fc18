"""Messages in groups: what is joined, what is told apart, and what no order and no text may change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wfmon.analysis import patterns as module
from wfmon.analysis.patterns import ANY, EXEMPLARS, LONGEST, Message, Pattern, patterns


def said(*texts: str) -> tuple[Message, ...]:
    return tuple(Message(text, float(number)) for number, text in enumerate(texts))


def found(*texts: str) -> list[tuple[int, str]]:
    return [(one.count, one.text) for one in patterns(said(*texts))]


def test_values_that_differ_become_holes_and_those_that_do_not_stay() -> None:
    hosts = [f"TimeoutError: api-{n % 5}.example 504 after {n} s" for n in range(76)]
    missing = [f"ValidationError: field 'total' missing in doc-{n}" for n in range(4)]
    assert found(*hosts, *missing) == [
        (76, f"TimeoutError: {ANY} 504 after {ANY} s"),
        (4, f"ValidationError: field 'total' missing in {ANY}"),
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["E 1", "E 1"], [(2, "E 1")]),
        (["HTTP 502 in 3s", "HTTP 503 in 4s"], [(1, "HTTP 503 in 4s"), (1, "HTTP 502 in 3s")]),
        ([f"HTTP {n} x" for n in (500, 501, 502, 503)], [(4, f"HTTP {ANY} x")]),
        (["no 'a' in d1", "no 'b' in d2", "no 'a' in d3"], [(2, f"no 'a' in {ANY}"), (1, "no 'b' in d2")]),
        ([f"no '{c}' here" for c in "abcd"], [(4, f"no {ANY} here")]),
        (
            ["at 2026-03-02T14:03:21.120Z of 10.0.0.1:80", "at 2026-03-02T14:03:22Z of 10.0.0.2:80"],
            [(2, f"at {ANY} of {ANY}")],
        ),
        (
            ["id 9f86d081-884c-4d65-9a2f-eaa0c55ad015", "id 0d81f086-884c-4d65-9a2f-eaa0c55ad015"],
            [(2, f"id {ANY}")],
        ),
        (
            ["GET https://a.example/1?x=2 failed", "GET https://b.example/2 failed"],
            [(2, f"GET {ANY} failed")],
        ),
        (["open /var/lib/a1/x.json", "open /var/lib/b2/y.json"], [(2, f"open {ANY}")]),
        (["limit 30000, used 29871.", "limit 30000, used 2911."], [(2, f"limit 30000, used {ANY}.")]),
        (["user can't open", "user can't open"], [(2, "user can't open")]),
        ([f"cannot reach {w} now" for w in ("a", "b", "c", "d", "e")], [(5, f"cannot reach {ANY} now")]),
        ([f"{w}Error now" for w in ("A", "B", "C", "D", "E")][:2], [(1, "BError now"), (1, "AError now")]),
        (["", ""], [(2, "")]),
        ([], []),
    ],
)
def test_what_is_joined_and_what_is_told_apart(texts: list[str], expected: list[tuple[int, str]]) -> None:
    assert found(*texts) == expected


def test_the_first_word_is_never_taken_for_a_value() -> None:
    assert len(found(*(f"{c}Error: no way" for c in "ABCDEFG"))) == 7


def test_a_text_that_is_all_holes_is_joined_with_itself_only_once() -> None:
    assert found("504 504 504 504 504 504", "504 7 7 7 7 /v/b1") == [(2, f"504{f' {ANY}' * 5}")]


def test_first_last_workflows_and_the_newest_messages_are_told() -> None:
    messages = [
        Message(f"E {n}", at, workflow, f"run-{n}")
        for n, (at, workflow) in enumerate([(5.0, "b"), (None, None), (9.0, "a"), (1.0, "b"), (7.0, "b")])
    ]
    (one,) = patterns(messages)
    assert (one.first, one.last, one.workflows) == (1.0, 9.0, ("a", "b"))
    assert [message.ref for message in one.exemplars] == ["run-2", "run-4", "run-0"]
    (unknown,) = patterns([Message("x")])
    assert (unknown.first, unknown.last, unknown.workflows) == (None, None, ())


def test_a_pattern_tells_whether_it_holds_a_message() -> None:
    one = Pattern(f"E {ANY} at {ANY} s", 1, None, None, (), ())
    assert one.holds("E 5 at 7 s")
    assert one.holds("E  at  s")
    assert not one.holds("E 5 at 7 ms")
    assert not one.holds("E at s")
    assert not one.holds("x E 5 at 7 s")
    assert Pattern("plain", 1, None, None, (), ()).holds("plain")
    assert not Pattern(f"ab{ANY}b", 1, None, None, (), ()).holds("ab")


def test_a_very_long_message_is_looked_at_from_its_begin() -> None:
    (one,) = patterns(said("E 1 " + "x" * 9_999, "E 2 " + "x" * 9_999))
    assert one.count == 2
    assert len(one.text) <= LONGEST + len(ANY)
    assert one.holds("E 3 " + "x" * 9_999)


def test_beyond_its_bound_the_rest_is_counted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SHAPES", 3)
    texts = ["A b", "C d e", "F g h i", "J k l m n", "O p q r s t", "A b"]
    assert sorted(found(*texts)) == [(1, "C d e"), (1, "F g h i"), (2, ANY), (2, "A b")]


@pytest.mark.parametrize("piece", ["a.", "'", "/a", "x@", "-", "a-", "http://", "1", "é", "<*>", "\0", '`"'])
def test_no_text_takes_long(piece: str) -> None:
    assert sum(one.count for one in patterns(said(*(piece * n for n in (1, 2, 50, 9_999))))) == 4


WORDS = st.sampled_from(
    ["E:", "504", "500", "7", "19", "a.b", "c.d", "'x'", "'y'", "/v/a", "/v/b1", "run-1", "run-2"]
)
TEXTS = st.one_of(
    st.lists(WORDS, max_size=6).map(" ".join),
    st.sampled_from("abcdefgh").map(lambda word: f"cannot find {word} there"),
    st.text(max_size=40),
)
MESSAGES = st.lists(
    st.builds(
        Message,
        TEXTS,
        st.one_of(st.none(), st.floats(0, 1e9)),
        st.one_of(st.none(), st.sampled_from("pq")),
        st.sampled_from(["", "r1", "r2"]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(MESSAGES, st.randoms(use_true_random=False))
def test_counts_add_up_and_no_order_changes_anything(messages: Sequence[Message], random: object) -> None:
    made = patterns(messages)
    assert sum(one.count for one in made) == len(messages)
    shuffled = list(messages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert patterns(shuffled) == made


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_every_message_is_held_by_a_pattern_and_equal_ones_by_the_same(messages: Sequence[Message]) -> None:
    made = patterns(messages)
    assert len({one.text for one in made}) == len(made)
    for message in messages:
        assert any(one.holds(message.text) for one in made)
    for text in {message.text for message in messages}:
        alone = [message for message in messages if message.text == text]
        assert any(one.count >= len(alone) and one.holds(text) for one in made)
    for one in made:
        assert 1 <= len(one.exemplars) <= min(EXEMPLARS, one.count)
        assert all(one.holds(example.text) for example in one.exemplars)
