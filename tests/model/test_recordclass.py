"""The quick dataclasses against the standard ones."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.model import recordclass


def made(decorator: Any) -> Any:
    @decorator(frozen=True, slots=True)
    class Point:
        """Doc."""

        x: int
        y: float | None = None
        tags: dict[str, int] = dataclasses.field(default_factory=dict)
        secret: str = dataclasses.field(default="s", repr=False)

        @property
        def double(self) -> int:
            return self.x * 2

    return Point


Quick, Standard = made(recordclass.dataclass), made(dataclasses.dataclass)


@recordclass.dataclass(slots=True)
class Mutable:
    name: str
    items: list[int] = dataclasses.field(default_factory=list)


@recordclass.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    first: int = 1
    second: int = 2


@recordclass.dataclass(frozen=True, slots=True, eq=False)
class Single:
    value: object


@recordclass.dataclass(frozen=True, slots=True)
class Nothing:
    pass


values = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text())


@given(st.lists(st.tuples(values, values), min_size=2, max_size=2))
def test_behaves_as_the_standard_one(pairs: list[tuple[Any, Any]]) -> None:
    quick, standard = [[cls(x, y, secret="z") for x, y in pairs] for cls in (Quick, Standard)]
    assert [repr(one) for one in quick] == [repr(one) for one in standard]
    assert (quick[0] == quick[1]) is (standard[0] == standard[1])
    assert dataclasses.asdict(quick[0]) == dataclasses.asdict(standard[0])
    assert recordclass.replace(quick[0], x=7) == Quick(7, pairs[0][1], secret="z")
    assert dataclasses.replace(quick[0], x=7) == recordclass.replace(quick[0], x=7)
    assert copy.deepcopy(quick[0]) == copy.copy(quick[0]) == quick[0]


def test_looks_as_the_standard_one() -> None:
    assert Quick(3).double == 6
    assert not hasattr(Quick(1), "__dict__")
    assert Quick.__slots__ == Standard.__slots__
    assert Quick.__match_args__ == Standard.__match_args__
    assert Quick.__doc__ == Standard.__doc__
    assert list(inspect.signature(Quick).parameters) == list(inspect.signature(Standard).parameters)
    assert [(f.name, f.type, f.repr) for f in dataclasses.fields(Quick)] == [
        (f.name, f.type, f.repr) for f in dataclasses.fields(Standard)
    ]


@pytest.mark.parametrize("arguments", [(), (1, 2, {}, "", 5)])
def test_wrong_arguments_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        Quick(*arguments)


def test_frozen_is_frozen() -> None:
    one = Quick(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.x
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.other = 2


def test_hash_goes_with_equality() -> None:
    @recordclass.dataclass(frozen=True, slots=True)
    class Key:
        a: int
        b: str

    assert {Key(1, "x"): 1}[Key(1, "x")] == 1
    assert Key(1, "x") != (1, "x")
    with pytest.raises(TypeError, match="unhashable"):
        hash(Mutable("m"))
    one = Single(1)
    assert one != Single(1)
    assert hash(one) != hash(Single(1)) or one is not Single(1)
    assert Nothing() == Nothing()


def test_each_record_has_its_own_container() -> None:
    one, other = Mutable("a"), Mutable("a")
    one.items.append(1)
    one.name = "b"
    assert (one.name, other.items) == ("b", [])


def test_names_may_be_required() -> None:
    assert Named(second=3) == Named(first=1, second=3)
    with pytest.raises(TypeError):
        Named(1)  # type: ignore[call-arg]


def test_a_record_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Named(first=5))) == Named(first=5)
    assert pickle.loads(pickle.dumps(Mutable("m", [1]))) == Mutable("m", [1])


def test_classes_of_one_form_do_not_share_names_or_defaults() -> None:
    @recordclass.dataclass(frozen=True, slots=True)
    class Place:
        x: int
        y: float | None = 4.0
        tags: dict[str, int] = dataclasses.field(default_factory=lambda: {"a": 1})
        secret: str = "t"

    assert (Place(1), Quick(1)) == (Place(x=1, y=4.0, tags={"a": 1}, secret="t"), Quick(1, None, {}, "s"))
    assert str(inspect.signature(Place)) != str(inspect.signature(Quick))
    make: Any = Place
    with pytest.raises(TypeError, match="'x'"):
        make(y=1.0)


def test_what_must_be_given_comes_first() -> None:
    @recordclass.dataclass(frozen=True, slots=True)
    class Wrong:
        first: int = 1
        second: int

    make: Any = Wrong
    with pytest.raises(TypeError, match="non-default argument 'second'"):
        make(1, 2)
