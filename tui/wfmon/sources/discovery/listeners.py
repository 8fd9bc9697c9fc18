"""Listening TCP sockets of this network namespace, from ``/proc/net/tcp`` and ``tcp6`` (proc(5))."""

from __future__ import annotations

import ipaddress
import os
import struct
from collections.abc import Iterator

from wfmon.sources.discovery.facts import Listener

LISTEN = b"0A"
BLOCK = 4_096  # bytes that the kernel tells at once
MAX_BYTES = 4 << 20  # of one table


def read_listeners(proc: str = "/proc") -> tuple[tuple[Listener, ...], tuple[str, ...]]:
    """Those that listen, and which tables could not be read."""
    found: list[Listener] = []
    unreadable = []
    for name in ("tcp", "tcp6"):
        path = f"{proc}/net/{name}"
        try:
            found += listening(_first_part(path))
        except FileNotFoundError:
            if name == "tcp":
                unreadable.append(path)  # without IPv6 there is no tcp6
        except OSError:
            unreadable.append(path)
    return tuple(found), tuple(unreadable)


def listening(table: bytes) -> Iterator[Listener]:
    """The listening sockets of one table; lines that are none are left out."""
    for line in table.splitlines()[1:]:
        fields = line.split(None, 10)
        if len(fields) < 10 or fields[3] != LISTEN:
            continue
        raw, _, port = fields[1].partition(b":")
        try:
            yield Listener(_address(raw), int(port, 16), int(fields[9]))
        except ValueError:
            continue


def _first_part(path: str) -> bytes:
    """The kernel tells of those that listen first: of ten thousand connections behind them no more than a
    block is made."""
    blocks: list[bytes] = []
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while len(blocks) * BLOCK < MAX_BYTES:
            block = os.read(descriptor, BLOCK)
            blocks.append(block)
            if not block or b" 0A " not in block:
                break
    finally:
        os.close(descriptor)
    return b"".join(blocks)


def reached_at(address: str) -> str | None:
    """The loopback address at which a socket that listens on ``address`` answers; None: at none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_unspecified:
        return "127.0.0.1"
    return str(parsed) if parsed.is_loopback else None


def _address(raw: bytes) -> str:
    """The kernel prints each 32 bit word of an address in the byte order of the machine."""
    packed = bytes.fromhex(raw.decode("ascii"))
    if len(packed) not in (4, 16):
        raise ValueError(raw)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return str(ipaddress.ip_address(struct.pack(f">{len(words)}I", *words)))
