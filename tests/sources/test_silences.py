"""The client for silences against a real Alertmanager, and what it makes of servers that lie."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from support import hostile_http as hostile
from support.servers import Server, running_alertmanager
from support.sharing import ByHand, labels, rfc3339
from wfmon.model.alert import Labels
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.silences import Silences, Wanted

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_alertmanager(tmp_path_factory.mktemp("am")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Silences]:
    made = Silences(server.url)
    yield made
    made.close()


def wanted(of: Labels, seconds: float = 600.0) -> Wanted:
    return Wanted(of, "dana", "ACK! on it", round(time.time() + seconds, 3))


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'quo"te',
        "back\\slash",
        "two\nlines",
        "β [prod] {x}",
        ".*",
        "a=b,c",
        "%2F&?#",
        " ",
        "日本語🔥",
    ],
)
def test_any_label_value_is_silenced_to_the_letter(server: Server, client: Silences, value: str) -> None:
    by_hand = ByHand(server.url)
    mine = (("alertname", "Value"), ("empty", ""), ("value", value))
    by_hand.fire(mine)
    by_hand.fire((("alertname", "Value"), ("value", value + "!")))
    assert client.knows_alert(mine)
    assert client.active(mine) == () or value == "two\nlines"
    made = client.create(wanted(mine))
    assert by_hand.muted((("alertname", "Value"), ("value", value)))
    assert not by_hand.muted((("alertname", "Value"), ("value", value + "!")))
    if value != "two\nlines":  # what cannot be shown as it is is not looked for
        assert [each.id for each in client.active(mine)] == [made]
    client.expire(made)


def test_its_life(server: Server, client: Silences) -> None:
    mine = labels("Life", workflow="w")
    asked = wanted(mine, 100.0)
    made = client.create(asked)
    (first,) = client.active(mine)
    assert (first.id, first.by, first.comment, first.ends_at) == (made, "dana", "ACK! on it", asked.ends_at)
    later = asked.ends_at + 100.25
    assert client.extend(made, later) == made
    (second,) = client.active(mine)
    assert second.ends_at == pytest.approx(later, abs=0.001)
    assert second.updated_at >= first.updated_at
    assert (second.starts_at, second.matchers, second.comment) == (
        first.starts_at,
        first.matchers,
        first.comment,
    )
    client.expire(made)
    client.expire(made)
    assert client.active(mine) == ()
    over = client.one(made)
    assert over is not None
    assert not over.active
    another = client.extend(made, later)
    assert another != made, "the server makes a new one of what is over"
    client.expire(another)


def test_others_matchers_are_not_ours(server: Server, client: Silences) -> None:
    by_hand = ByHand(server.url)
    mine = labels("Mine", workflow="w")
    by_hand.silence(mine[:1], "pat", "ACK! wider")
    by_hand.edit(
        {
            "matchers": [
                {"name": n, "value": v, "isRegex": n == "workflow", "isEqual": True} for n, v in mine
            ],
            "createdBy": "pat",
            "comment": "a pattern",
        },
        startsAt=rfc3339(time.time()),
        endsAt=rfc3339(time.time() + 100),
    )
    assert client.active(mine) == ()


def test_what_it_does_not_know(client: Silences) -> None:
    unknown = str(uuid4())
    assert client.one(unknown) is None
    client.expire(unknown)
    with pytest.raises(SourceError):
        client.extend(unknown, time.time() + 100)


def test_what_it_refuses_is_told_in_its_words(client: Silences) -> None:
    with pytest.raises(SourceError, match=r"end time can't be|must be before end time"):
        client.create(wanted(labels("Past"), -1000.0))
    with pytest.raises(SourceError, match=r"422.*matchers"):
        client.create(wanted(()))


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"<html>", Failure.NOT_JSON),
        (b"{}", Failure.BAD_DATA),
        (b"[1]", Failure.BAD_DATA),
        (b'[{"id": 3}]', Failure.BAD_DATA),
        (b"[" * 100_000, Failure.NOT_JSON),
    ],
)
def test_a_server_that_answers_nonsense(body: bytes, failure: Failure) -> None:
    def answer(connection: socket.socket, head: bytes, told: hostile.Hostile) -> None:
        connection.sendall(hostile.response("200 OK", body))

    with hostile.serving(answer) as server:
        client = Silences(server.url)
        with pytest.raises(SourceError) as caught:
            client.active(labels("X"))
        assert caught.value.failure in (failure, Failure.BAD_DATA)
        with pytest.raises(SourceError):
            client.create(wanted(labels("X")))
        client.close()


def test_the_clock_of_the_server() -> None:
    at = time.time()

    def answer(connection: socket.socket, head: bytes, told: hostile.Hostile) -> None:
        from email.utils import formatdate

        extra = f"Date: {formatdate(at + 3600, usegmt=True)}\r\n"
        connection.sendall(hostile.response("200 OK", json.dumps([]).encode(), extra=extra))

    with hostile.serving(answer) as server:
        client = Silences(server.url, clock=lambda: at)
        client.active(labels("X"))
        assert client.ahead == pytest.approx(3600, abs=1.0)
        client.close()
