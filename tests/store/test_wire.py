"""Snapshots as bytes: whole, the same objects where nothing changed, and nothing a screen cannot show."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from dataclasses import replace as changed
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import snapshots
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, crowd, incident
from wfmon.config.schema import Duration, Size
from wfmon.model.alert import Alert
from wfmon.model.history import HistoryStatus
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.store.wire import RECENT_RUNS, SCHEMA, Decoder, Encoder, Part, WireError, _evenly
from wfmon.text.sanitize import safe

SHAPE = Path(__file__).parent / "wire_shape.json"
PICTURES: list[Callable[[], Snapshot]] = [
    snapshots.incident,
    snapshots.all_fine,
    snapshots.input_gone,
    snapshots.nothing_yet,
    snapshots.many_alerts,
    lambda: crowd(100),
]


def copied(chunks: list[bytes]) -> tuple[bytes, ...]:
    """As another process reads them: equal, but other objects."""
    return tuple(bytes(bytearray(chunk)) for chunk in chunks)


def with_recent(count: int = 3, each: int = 2) -> Snapshot:
    recent = {
        f"w{i}": tuple(
            Run(f"r{i}-{k}", f"w{i}", RunStatus.SUCCESS, ended_at=NOW - 100 + k) for k in range(each)
        )
        for i in range(count)
    }
    return changed(incident(), recent=recent)


@pytest.mark.parametrize("picture", PICTURES)
def test_what_is_read_is_what_was_published(picture: Callable[[], Snapshot]) -> None:
    snapshot = picture()
    assert Decoder().decode(copied(Encoder().encode(snapshot))) == snapshot


def test_numbers_of_settings_own_types_go_over_as_numbers() -> None:
    cost = changed(incident().cost, usd_per_hour=Duration(1.5))
    history = HistoryStatus("x", limit_bytes=Size(5))
    snapshot = changed(incident(), cost=cost, history=history)
    assert Decoder().decode(Encoder().encode(snapshot)) == snapshot


def test_recent_runs_go_along() -> None:
    snapshot = with_recent()
    assert Decoder().decode(Encoder().encode(snapshot)) == snapshot


def test_workflows_that_share_an_object_stay_apart() -> None:
    shared = (Run("r", "w", RunStatus.SUCCESS),)
    snapshot = changed(snapshots.nothing_yet(), recent={"a": (), "b": (), "c": shared, "d": shared})
    encoder = Encoder()
    for _ in range(2):
        assert Decoder().decode(encoder.encode(snapshot)) == snapshot
    swapped = changed(snapshot, recent={"a": shared, "b": (), "c": ()})
    assert Decoder().decode(encoder.encode(swapped)) == swapped


def test_what_did_not_change_is_the_same_object() -> None:
    encoder, decoder = Encoder(), Decoder()
    one = with_recent()
    first = decoder.decode(copied(encoder.encode(one)))
    row = changed(one.workflows[0], active=99)
    two = changed(
        one,
        at=one.at + 1,
        workflows=(row, *one.workflows[1:]),
        recent={**one.recent, "w0": one.recent["w0"][1:]},
        rules_checked_at=one.at + 1,
    )
    second = decoder.decode(copied(encoder.encode(two)))
    assert second == two
    assert second.workflows[0] is not first.workflows[0]
    assert all(new is old for new, old in zip(second.workflows[1:], first.workflows[1:], strict=True))
    assert second.recent["w1"] is first.recent["w1"]
    for name in ("runs", "totals", "host", "alerts", "sources", "cost", "tokens", "verdict", "collector"):
        assert getattr(second, name) is getattr(first, name), name
    assert all(new is old for new, old in zip(second.runs, first.runs, strict=True))


def test_the_same_chunks_are_decoded_once() -> None:
    decoder, chunks = Decoder(), Encoder().encode(incident())
    assert decoder.decode(chunks) is decoder.decode(chunks)


def test_an_object_that_is_gone_does_not_lend_its_bytes_to_another() -> None:
    encoder, decoder = Encoder(), Decoder()
    for number in range(200):
        rows = tuple(Workflow(f"w{number}-{i}") for i in range(5))
        snapshot = changed(snapshots.nothing_yet(), workflows=rows)
        assert decoder.decode(copied(encoder.encode(snapshot))) == snapshot
        del rows, snapshot


def test_recent_runs_are_bounded_evenly_and_the_newest_are_told() -> None:
    snapshot = with_recent(count=50, each=100)
    decoded = Decoder().decode(Encoder().encode(snapshot))
    assert sum(map(len, decoded.recent.values())) == RECENT_RUNS
    assert decoded.recent["w7"] == snapshot.recent["w7"][-40:]


@given(st.lists(st.integers(0, 500), max_size=30), st.integers(0, 2000))
def test_shares_fill_the_bound_and_nobody_gets_less_than_the_others(counts: list[int], total: int) -> None:
    share = _evenly(counts, total)
    told = sum(min(share, count) for count in counts)
    assert told <= total
    assert share >= max(counts, default=0) or sum(min(share + 1, count) for count in counts) > total


# other versions ------------------------------------------------------------------------------------


def test_fields_and_parts_of_a_newer_version_are_passed_over() -> None:
    chunks = Encoder().encode(incident())
    layout: list[dict[str, Any]] = msgspec.msgpack.decode(chunks[0])
    more = [bytes(chunks[0]), *map(with_more, chunks[1:])]
    layout.insert(0, {"name": "burn", "count": 2, "extra": [1]})
    layout.append({"name": "budgets", "count": 1})
    more[0] = msgspec.msgpack.encode(layout)
    more[2:2] = [b"\xc1 not even msgpack", b""]
    more.append(msgspec.msgpack.encode({"x": "y"}))
    assert Decoder().decode(more) == incident()


def with_more(chunk: bytes) -> bytes:
    def add(value: Any) -> Any:
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            added = {key: add(each) for key, each in value.items()}
            return (
                added | {"of_a_newer_version": {"deep": [1, None]}}
                if "name" in value or "id" in value
                else added
            )
        return [add(each) for each in value] if isinstance(value, list) else value

    return msgspec.msgpack.encode(add(msgspec.msgpack.decode(chunk)))


def test_fields_and_parts_that_an_older_version_did_not_tell_have_their_defaults() -> None:
    chunks = Encoder().encode(incident())
    layout: list[Part] = msgspec.msgpack.decode(chunks[0], type=list[Part])
    names = [part.name for part in layout]
    at = 2 + sum(part.count for part in layout[: names.index("workflows")])
    row = msgspec.msgpack.decode(chunks[at])
    del row["ladder"], row["rss_bytes"]
    chunks[at] = msgspec.msgpack.encode(row)
    gone = 2 + names.index("changes")
    assert layout[names.index("changes")].count == 1
    del chunks[gone]
    chunks[0] = msgspec.msgpack.encode([part for part in layout if part.name != "changes"])
    head = msgspec.msgpack.decode(chunks[1])
    del head["unjudged"], head["changes"], head["broken"]
    chunks[1] = msgspec.msgpack.encode(head)
    decoded = Decoder().decode(chunks)
    first = changed(incident().workflows[0], ladder=(), rss_bytes=None)
    assert decoded == changed(incident(), changes=(), workflows=(first, *incident().workflows[1:]))


def reachable(kind: Any, found: dict[str, Any]) -> None:
    for argument in typing.get_args(kind):
        reachable(argument, found)
    if isinstance(kind, type) and issubclass(kind, Enum):
        found[kind.__name__] = sorted(str(each.value) for each in kind)
    elif isinstance(kind, type) and is_dataclass(kind) and kind.__name__ not in found:
        hints = typing.get_type_hints(kind)
        found[kind.__name__] = {}
        for each in fields(kind):
            needed = each.default is MISSING and each.default_factory is MISSING
            found[kind.__name__][each.name] = [str(hints[each.name]), "needed" if needed else "has a default"]
            reachable(hints[each.name], found)


def shape() -> dict[str, Any]:
    found: dict[str, Any] = {}
    reachable(Snapshot, found)
    return found


def test_what_is_told_changes_only_with_a_new_schema() -> None:
    """Whoever adds a field with a default adds it to the file (``python -m store.test_wire``); any other
    change needs a new ``SCHEMA`` as well: the other side would fail or, worse, misread."""
    kept = json.loads(SHAPE.read_text())
    assert kept["schema"] == SCHEMA
    now = shape()
    for name, members in kept["shape"].items():
        assert name in now, f"{name} is gone"
        if isinstance(members, list):
            assert now[name] == members, f"{name} has other values"
            continue
        for field, facts in members.items():
            assert now[name].get(field) == facts, f"{name}.{field} is gone or changed"
        for field, (_, needed) in now[name].items():
            assert field in members or needed == "has a default", f"{name}.{field} has no default"


# foreign hands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_no_text_comes_through_as_it_is(payload: Any) -> None:
    base = with_recent(1, 1)
    text = payload.text.encode("utf-8", "replace").decode()
    bad = changed(
        base,
        host_name=text,
        workflows=(changed(base.workflows[0], name=text, origin=((text, text),)),),
        runs=(changed(base.runs[0], error=text),),
        alerts=(changed(base.alerts[0], summary=text, labels=(("workflow", text),)),),
        recent={text: base.recent["w0"]},
        verdict=changed(base.verdict, text=text, also=(text,)),
    )
    got = Decoder().decode(Encoder().encode(bad))
    clean = safe(text)
    assert {
        got.host_name,
        got.workflows[0].name,
        got.workflows[0].origin[0][0],
        got.runs[0].error,
        got.alerts[0].summary,
        got.alerts[0].labels[0][1],
        *got.recent,
        got.verdict.text,
        got.verdict.also[0],
    } == {clean}


NUMBERS = (float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 2.0**70)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_nobody_can_mean_are_unknown_or_refused(number: float) -> None:
    base = incident()
    row = changed(base.workflows[0], tokens_per_minute=number, last_run_at=number, as_of=number)
    totals = changed(base.totals, tokens_trend=(1.0, number, None), error_ratio=number)
    got = Decoder().decode(Encoder().encode(changed(base, workflows=(row,), totals=totals)))
    assert (got.workflows[0].tokens_per_minute, got.workflows[0].last_run_at) == (None, None)
    assert (got.totals.tokens_trend, got.totals.error_ratio) == ((1.0, None, None), None)
    for wrong in (
        changed(base, at=number),
        changed(base, alerts=(changed(base.alerts[0], since=number),)),
        changed(base, workflows=(changed(row, ladder=(changed(a_step(base), seconds=number),)),)),
    ):
        with pytest.raises(WireError, match="not a snapshot"):
            Decoder().decode(Encoder().encode(wrong))


def a_step(snapshot: Snapshot) -> Any:
    from wfmon.model.snapshot import LadderStep, StatusCounts

    return LadderStep(300.0, 300.0, StatusCounts())


def all_numbers(value: Any, number: float) -> Any:
    """``value`` with every amount and moment in it replaced where that may be unknown."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = typing.get_type_hints(type(value))
        return changed(
            value,
            **{
                name: number if str(hint) == "float | None" else all_numbers(getattr(value, name), number)
                for name, hint in hints.items()
            },
        )
    return tuple(all_numbers(each, number) for each in value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("number", [*NUMBERS, 1e15, -1e15, 253_402_300_799.0, -1.0, 5e-324])
def test_whatever_numbers_come_the_screen_stands(number: float) -> None:
    evil = changed(all_numbers(incident(), number), ended=all_numbers(incident().alerts, number))
    stage = Stage(Decoder().decode(Encoder().encode(evil)), size=(120, 40))
    assert stage.lines()


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b""],
        [b"", b""],
        [b"\x90", b"\x80"],
        [b"\x91" * 100_000, b"\x80"],
        [msgspec.msgpack.encode([Part("runs", 2**40)]), b"\x80"],
        [msgspec.msgpack.encode([Part("runs", -5)]), b"\x80"],
        [msgspec.msgpack.encode([Part("sources", 2)]), b"\x80", b"\x90", b"\x90"],
        [b"\x90"] * 100_001,
    ],
)
def test_what_is_no_snapshot_is_told_in_words(chunks: list[bytes]) -> None:
    with pytest.raises(WireError, match="not a snapshot"):
        Decoder().decode(chunks)


def test_depth_and_counts_are_bounded() -> None:
    chunks = Encoder().encode(incident())
    head = msgspec.msgpack.decode(chunks[1])
    deep = msgspec.msgpack.encode(head)
    marker = b"\xa4deep" + b"\x91" * 200_000 + b"\xc0"
    first = (
        bytes([deep[0] & 0xF0 | (len(head) + 1)]) if len(head) < 15 else b"\xde" + (len(head) + 1).to_bytes(2)
    )
    body = deep[1:] if len(head) < 16 else deep[3:]
    with pytest.raises(WireError, match="not a snapshot"):
        Decoder().decode([chunks[0], first + body + marker, *chunks[2:]])
    many = changed(incident(), totals=changed(incident().totals, error_trend=(0.0,) * 20_001))
    with pytest.raises(WireError, match="20001 of a kind"):
        Decoder().decode(Encoder().encode(many))


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_flipped_bytes_are_refused_or_give_something_that_can_be_shown(data: st.DataObject) -> None:
    chunks = Encoder().encode(with_recent(1, 1))
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(chunks) - 1))
        chunk = bytearray(chunks[index])
        if chunk:
            chunk[data.draw(st.integers(0, len(chunk) - 1))] = data.draw(st.integers(0, 255))
        chunks[index] = bytes(chunk)
    told = ""
    try:
        decoded = Decoder().decode(chunks)
    except WireError as error:
        told = str(error)
    if told:
        assert told.isprintable()
        return
    assert isinstance(decoded, Snapshot)
    assert all(isinstance(alert, Alert) for alert in decoded.alerts)
    assert decoded.host_name.isprintable()


def test_a_refused_picture_leaves_the_decoder_fit_for_the_next() -> None:
    decoder, encoder = Decoder(), Encoder()
    first = decoder.decode(encoder.encode(incident()))
    with pytest.raises(WireError):
        decoder.decode(encoder.encode(changed(incident(), at=float("nan"))))
    again = decoder.decode(encoder.encode(changed(incident(), at=NOW + 1)))
    assert again.at == NOW + 1
    assert again.workflows == first.workflows


if __name__ == "__main__":
    SHAPE.write_text(json.dumps({"schema": SCHEMA, "shape": shape()}, indent=1, sort_keys=True) + "\n")
