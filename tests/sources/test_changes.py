"""What is told of a target's life: restarts, resets, new versions; each once, safe and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.test_growth import A_BAD, A_OK, Store, growth_of
from support.payloads import PAYLOADS
from wfmon.model.history import Change, ChangeKind
from wfmon.sources.changes import (
    MAX_CHANGES,
    MAX_INFO_LINES,
    ChangeWatch,
    bounded,
    info_lines,
    short_target,
)
from wfmon.text.sanitize import safe

BUILD = 'app_build_info{version="%s",revision="%s"} 1\n'


def watch() -> ChangeWatch:
    return ChangeWatch("http://127.0.0.1:9101/metrics", ":9101")


def texts(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    return [(change.kind.value, change.text) for change in changes]


def told(store: Store, *looks: tuple[float, str]) -> list[tuple[float, str, str]]:
    """By one process after the other, each of which sees one look."""
    found = []
    for at, text in looks:
        source = store.start()
        source.texts = [text]
        reading = source.poll(at)
        found += [(change.at, change.kind.value, change.text) for change in reading.changes]
        store.grown.append(growth_of(reading))
        store.commit()
    return found


def test_a_first_look_tells_nothing() -> None:
    assert watch().look(1000.0, 5.0, [("app_build_info", {"version": "1"})], ["x_total"]) == ()


def test_a_restart_is_told_with_its_own_time_where_that_fits() -> None:
    one = watch()
    one.look(1000.0, 500.0, [])
    (restarted,) = one.look(1060.0, 1042.5, [], ["x_total"])
    assert (restarted.at, restarted.kind, restarted.text) == (
        1042.5,
        ChangeKind.RESTART,
        "exporter :9101 restarted",
    )
    assert restarted.subject == "http://127.0.0.1:9101/metrics"
    assert one.look(1065.0, 1042.9, []) == (), "computed start times waver"
    assert one.look(1070.0, None, []) == ()
    (again,) = one.look(1080.0, 7.0, [])
    assert again.at == 1080.0, "its clock is another than ours"


def test_counters_that_fall_without_a_restart() -> None:
    one = watch()
    one.look(1000.0, 500.0, [])
    assert texts(one.look(1005.0, 500.0, [], ["runs_total", "runs_total", "cost_total"])) == [
        ("reset", "counters of :9101 fell: runs_total and 1 more")
    ]
    assert texts(one.look(1010.0, None, [], ["runs_total"])) == [
        ("reset", "counters of :9101 fell: runs_total")
    ]


@pytest.mark.parametrize(
    ("name", "before", "after", "text"),
    [
        ("app_build_info", {"version": "1.4.0"}, {"version": "1.5.0"}, "app 1.4.0 → 1.5.0 (:9101)"),
        (
            "app_info",
            {"revision": "a1", "x": "1"},
            {"revision": "b2", "x": "2"},
            "app revision a1 → b2 (:9101)",
        ),
        (
            "target_info",
            {"service_name": "invoice", "service_version": "1"},
            {"service_name": "invoice", "service_version": "2"},
            "invoice 1 → 2 (:9101)",
        ),
        ("target_info", {"service_version": "1"}, {"service_version": "2"}, "1 → 2 (:9101)"),
        (
            "python_info",
            {"version": "3.11.1", "patchlevel": "1"},
            {"version": "3.11.2", "patchlevel": "2"},
            "python 3.11.1 → 3.11.2 (:9101)",
        ),
        ("node_uname_info", {"nodename": "a"}, {"nodename": "b"}, None),
        ("app_build_info", {"version": "1"}, {"revision": "x"}, None),
    ],
)
def test_versions(name: str, before: dict[str, str], after: dict[str, str], text: str | None) -> None:
    one = watch()
    one.look(1000.0, None, [(name, before)])
    found = one.look(1005.0, None, [(name, after)])
    assert texts(found) == ([("version", text)] if text else [])
    assert one.look(1010.0, None, [(name, after)]) == ()


def test_several_series_are_told_apart_by_their_other_labels() -> None:
    one = watch()
    pods = [("pod_info", {"pod": pod, "image": "app:1"}) for pod in ("a", "b")]
    one.look(1000.0, None, pods)
    pods[1] = ("pod_info", {"pod": "b", "image": "app:2"})
    assert texts(one.look(1005.0, None, pods)) == [("version", "pod image app:1 → app:2 (:9101)")]
    both = [*pods, ("pod_info", {"pod": "b", "image": "app:3"})]
    assert one.look(1010.0, None, both) == (), "two at once: which is it?"
    assert one.look(1015.0, None, both[::-1]) == ()


def test_a_scrape_tells_them_also_over_lives_of_this_program() -> None:
    store = Store()
    start = "process_start_time_seconds %d\n"
    found = told(
        store,
        (1000.0, f"{A_OK} 5\n" + start % 900 + BUILD % ("1.4.0", "aa")),
        (1005.0, f"{A_OK} 6\n" + start % 900 + BUILD % ("1.4.0", "aa")),
        (1100.0, f"{A_OK} 1\n" + start % 1050 + BUILD % ("1.5.0", "bb")),
        (1105.0, f"{A_OK} 0\n{A_BAD} 1\n" + start % 1050 + BUILD % ("1.5.0", "bb")),
    )
    assert found == [
        (1050.0, "restart", "exporter :9101 restarted"),
        (1100.0, "version", "app 1.4.0 → 1.5.0 (:9101)"),
        (1105.0, "reset", "counters of :9101 fell: workflow_executions_total"),
    ]


def test_info_lines_are_found_and_bounded() -> None:
    text = (
        b'app_build_info{version="1"} 1\n# HELP x_info{ words\n'
        b'y_total{text="z_info{"} 1\nnode_info{a="b"} 1\nlong_info{a="' + b"x" * 5000 + b'"} 1\n_info{'
    )
    assert info_lines(text) == (b'app_build_info{version="1"} 1', b'node_info{a="b"} 1', b"_info{")
    many = b"".join(b'pod_info{pod="%d"} 1\n' % n for n in range(1000))
    assert len(info_lines(many)) == MAX_INFO_LINES


@given(st.binary(max_size=300))
def test_any_bytes_have_info_lines(body: bytes) -> None:
    for line in info_lines(body.replace(b"\x00", b"\n_info{")):
        assert b"_info{" in line
        assert b"\n" not in line


def test_texts_from_outside_are_safe() -> None:
    for payload in PAYLOADS:
        one = watch()
        one.look(1000.0, None, [("app_info", {"version": payload.text, "service_name": payload.text})])
        for change in one.look(1005.0, None, [("app_info", {"version": "2", "service_name": payload.text})]):
            assert change.text == safe(change.text)
            assert not payload.harmful(change.text.encode()), payload.name
            assert len(change.text) <= 210
    assert short_target("127.0.0.1:9101") == ":9101"
    assert short_target("\x1b[31mevil:1") != "\x1b[31mevil:1"


def test_many_changes_are_bounded_and_counted() -> None:
    many = [Change(float(n), ChangeKind.RESTART, "s", f"exporter {n} restarted") for n in range(50)]
    kept = bounded(many)
    assert len(kept) == MAX_CHANGES
    assert kept[-1].text == "exporter 19 restarted, and 30 more changes"
    assert bounded(many[:MAX_CHANGES]) == tuple(many[:MAX_CHANGES])
