"""Exposition text of well-behaved, lying and hostile exporters."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from wfmon.model.record import replace
from wfmon.sources import series
from wfmon.sources.exposition import ExpositionReader, NotMetrics
from wfmon.sources.series import Series

NAMES = ["a_total", "g", "h_bucket", "h_count", "h_sum"]


def read(text: str | bytes, names: list[str] = NAMES) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    body = text.encode() if isinstance(text, str) else text
    samples = ExpositionReader(names).read(body).samples
    return {(series.name, tuple(sorted(series.labels.items()))): value for series, value in samples.items()}


def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    counter = Counter("a", "help", ["w"], registry=made)
    counter.labels('x "quoted" }\\ \n, y="1"').inc(3)
    counter.labels("plain").inc(0.25, exemplar={"trace_id": "a b # c"})
    Gauge("g", "help", registry=made).set(math.inf)
    Histogram("h", "help", registry=made).observe(0.3, exemplar={"trace_id": "t"})
    Counter("other", "help", registry=made)
    return made


@pytest.mark.parametrize("generate", [generate_latest, generate_openmetrics])
def test_both_formats_of_the_library_give_the_same(generate: object) -> None:
    assert callable(generate)
    got = read(generate(registry()))
    assert got["a_total", (("w", 'x "quoted" }\\ \n, y="1"'),)] == 3.0
    assert got["a_total", (("w", "plain"),)] == 0.25
    assert got["g", ()] == math.inf
    assert got["h_bucket", (("le", "+Inf"),)] == 1.0
    assert got["h_count", ()] == 1.0
    assert len(got) == 4 + 1 + 15, "nothing else, and no _created twins"


def test_a_family_without_samples_is_known() -> None:
    for text in ("# TYPE a_total counter\n", "# TYPE a counter\n# EOF\n"):
        assert ExpositionReader(NAMES).read(text.encode()).names == {"a_total"}
    assert ExpositionReader(NAMES).read(b"# TYPE h histogram\n").names == {"h_bucket", "h_count"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_total 5", {("a_total", ()): 5.0}),
        ("a_total 5 1700000000000\n", {("a_total", ()): 5.0}),
        ('a_total{w="1 2"}\t7\t1700000000000\r\n', {("a_total", (("w", "1 2"),)): 7.0}),
        ("a_total{} 5\n", {("a_total", ()): 5.0}),
        ('a_total {w="x",} 5\n', {("a_total", (("w", "x"),)): 5.0}),
        ('a_total{w="}"} 5 # {id="} 9"} 1 2\n', {("a_total", (("w", "}"),)): 5.0}),
        ("a_total_created 5\na_totals 5\nxa_total 5\n", {}),
        ("a_total 1\na_total 2\n", {("a_total", ()): 2.0}),
        ('a_total{w="\xff"} 5\n'.encode("latin-1"), {("a_total", (("w", "�"),)): 5.0}),
        ("", {}),
    ],
)
def test_odd_but_readable(text: str | bytes, expected: dict[object, float]) -> None:
    assert read(text) == expected


def test_a_bad_line_costs_only_itself() -> None:
    text = 'a_total{w="ok"} 1\na_total{w="open} 2\na_total{w=1} 3\na_total many\na_total{1="x"} 4\ng 9\n'
    got = ExpositionReader(NAMES).read(text.encode())
    assert sorted(series.name for series in got.samples) == ["a_total", "g"]
    assert got.bad == 4
    assert got.bad_example == 'a_total{w="open} 2'


def test_what_is_quoted_of_a_bad_line_is_safe() -> None:
    got = ExpositionReader(NAMES).read(b"a_total \x1b]0;evil\x07\x1b[31m\n")
    assert got.bad == 1
    assert "\x1b" not in got.bad_example


def test_values_are_followed_and_equal_answers_are_recognised() -> None:
    reader = ExpositionReader(NAMES)
    first = reader.read(b'x 1\na_total{w="1"} 1\na_total{w="2"} NaN\n')
    same = reader.read(b'x 2\na_total{w="1"} 1\na_total{w="2"} NaN\n')
    assert same is first
    later = reader.read(b'a_total{w="1"} 2\na_total{w="3"} 7\n')
    assert later.samples == {Series("a_total", {"w": "1"}): 2.0, Series("a_total", {"w": "3"}): 7.0}


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (("g 1\nx_g 1", "g 3\nx_g 1"), {"g": 3.0}),
        (("a_total 1\na_total 2", "a_total 3\na_total 2"), {"a_total": 2.0}),
        # one that went for another that was known before
        (("c 1\nh 1", "h 1\ng 2", "g 2\nc 5"), {"g": 2.0, "c": 5.0}),
        (("g 1\nc 1", "g 1\nc 1 17"), {"g": 1.0, "c": 1.0}),
        (("g 1\nc 1", "g 1\nc many"), {"g": 1.0}),
    ],
)
def test_what_is_compared_with_the_answer_before_is_what_it_is_alone(
    looks: tuple[str, ...], expected: dict[str, float]
) -> None:
    reader = ExpositionReader({"a_total", "c", "g", "h"})
    for look in looks:
        got = reader.read(look.encode())
    assert got == replace(
        ExpositionReader({"a_total", "c", "g", "h"}).read(look.encode()), changed=got.changed
    )
    assert {series.name: value for series, value in got.samples.items()} == expected


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><html><body>Sign in</body></html>",
        b'{"status":"success"}',
        b"Not Found\n",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"  \n <html>",
    ],
)
def test_something_else_is_not_metrics(body: bytes) -> None:
    with pytest.raises(NotMetrics):
        ExpositionReader(NAMES).read(body)


def test_metrics_of_something_else_are_metrics() -> None:
    for body in (b"node_load1 0.5\n", b"# HELP x y\n", b'up{job="x"} 1\n', b'{"dotted.name",a="b"} 1\n'):
        assert not ExpositionReader(NAMES).read(body).samples


def test_series_without_end_are_bounded() -> None:
    body = "".join(f'a_total{{run="{i}"}} 1\n' for i in range(500)).encode()
    got = ExpositionReader(NAMES, max_series=100).read(body)
    assert (len(got.samples), got.left_out) == (100, 400)


def test_labels_that_change_every_time_are_forgotten() -> None:
    reader = ExpositionReader(NAMES)
    for step in range(50):
        reader.read("".join(f'a_total{{run="{step}-{i}"}} 1\n' for i in range(100)).encode())
    assert len(reader._known) <= 1300


def test_no_input_makes_the_line_pattern_slow() -> None:
    hostile = [
        b'a_total{w="' + b"\\" * 100_000,
        b"a_total{" + b"x," * 50_000,
        b'a_total{w="' + b'"a' * 50_000,
    ]
    hostile += [b'a_total{w="' + b'\\"' * 500_000 + b'"} 1', b"a_total{" + b'w="x",' * 50_000 + b"} 1"]
    begin = time.thread_time()
    for body in hostile:
        assert not ExpositionReader(NAMES).read(body).samples
    assert time.thread_time() - begin < 5.0


label_values = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)


@given(st.dictionaries(label_values, st.floats(allow_nan=False), max_size=5))
def test_whatever_the_library_writes_is_read_back(wanted: dict[str, float]) -> None:
    made = CollectorRegistry()
    gauge = Gauge("g", "help", ["w"], registry=made)
    for value, number in wanted.items():
        gauge.labels(value).set(number)
    got = read(generate_latest(made))
    assert got == {("g", (("w", value),)): number for value, number in wanted.items()}


series_texts = st.one_of(
    st.builds(
        lambda name, labels, end: name + "{" + ",".join(f'{k}="{v}"' for k, v in labels) + end,
        st.sampled_from(["a_total", "ns:a", "_x"]),
        st.lists(st.tuples(st.sampled_from(["w", "le", "a_1", "Z"]), st.text(max_size=8)), max_size=4),
        st.sampled_from(["}", ",}", " }", ""]),
    ),
    st.text(alphabet='a_{}=", \\w1:', max_size=14),
)


@given(series_texts)
def test_the_plainest_form_is_read_as_the_library_reads_it(text: str) -> None:
    plain = series.plain_series(text)
    if plain is not None:
        assert series._parse_batch([text.encode("utf-8", "surrogatepass")]) == {
            text.encode("utf-8", "surrogatepass"): plain
        }


@pytest.mark.parametrize("text", ['a{w="1"}', 'a{w="1",v="ü= ,}",}', "a", "a{}"])
def test_the_plainest_form_needs_no_library(text: str) -> None:
    assert series.plain_series(text) is not None


@pytest.mark.parametrize(
    "text", ['a{w="1"v="2"}', 'a{w="1",w="2"}', 'a{w="\\n"}', 'a{w="1", v="2"}', 'a{__name__="b"}']
)
def test_any_other_form_is_left_to_the_library(text: str) -> None:
    assert series.plain_series(text) is None
