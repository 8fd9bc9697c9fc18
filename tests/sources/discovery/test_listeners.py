"""Who listens: the kernel's tables, and real sockets."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.sources.discovery.facts import Listener
from wfmon.sources.discovery.listeners import listening, reached_at, read_listeners

HEAD = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address: str, state: str = "0A", inode: int = 7) -> bytes:
    return (
        f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 "
        f"{inode} 1 0000000000000000 100 0 0 10 0\n"
    ).encode()


def test_a_table_of_a_little_endian_machine() -> None:
    if socket.htons(1) == 1:
        pytest.skip("the kernel prints in the byte order of the machine")
    table = HEAD + row("0100007F:2382") + row("0100007F:1F90", "01") + row("00000000:0016", inode=9)
    assert list(listening(table)) == [Listener("127.0.0.1", 9090, 7), Listener("0.0.0.0", 22, 9)]
    six = HEAD + row("00000000000000000000000001000000:2382") + row("0" * 32 + ":2385")
    assert [(each.address, each.port) for each in listening(six)] == [("::1", 9090), ("::", 9093)]


def test_real_sockets_are_seen() -> None:
    with ExitStack() as stack:
        four = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        busy = stack.enter_context(socket.create_connection(four.getsockname()))
        wanted = {("127.0.0.1", four.getsockname()[1])}
        if socket.has_ipv6:
            try:
                six = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
                wanted.add(("::1", six.getsockname()[1]))
            except OSError:
                pass  # no IPv6 here
        listeners, unreadable = read_listeners()
        assert wanted <= {(each.address, each.port) for each in listeners}
        assert busy.getsockname()[1] not in {each.port for each in listeners}
        assert unreadable == ()


@pytest.mark.parametrize(
    ("address", "at"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::1", "::1"),
        ("127.0.0.53", "127.0.0.53"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("10.0.0.5", None),
        ("::ffff:10.0.0.5", None),
        ("fe80::1", None),
        ("nonsense", None),
    ],
)
def test_where_a_socket_answers_on_loopback(address: str, at: str | None) -> None:
    assert reached_at(address) == at


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    listeners, unreadable = read_listeners(str(tmp_path))
    assert listeners == ()
    assert unreadable == (f"{tmp_path}/net/tcp",)


def test_behind_those_that_listen_nothing_is_read(tmp_path: Path) -> None:
    """Of ten thousand connections no more than a block."""
    (tmp_path / "net").mkdir()
    table = HEAD + row("0100007F:2382") + row("0100007F:1F90", "01") * 10_000 + row("0100007F:2385")
    (tmp_path / "net" / "tcp").write_bytes(table)
    listeners, _ = read_listeners(str(tmp_path))
    assert len(listeners) == 1


@given(st.binary(max_size=400))
def test_no_table_is_too_odd(table: bytes) -> None:
    list(listening(HEAD + table))
