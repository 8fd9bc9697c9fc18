"""Whether a Prometheus and an Alertmanager answer on loopback; known by what their API says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from wfmon.model.record import dataclass
from wfmon.sources.discovery.facts import Answered, Kind, Listener, Server
from wfmon.sources.discovery.listeners import reached_at
from wfmon.sources.discovery.loopback import Reply, Silent, get

SECONDS = 1.0
MAX_BYTES = 256 << 10
_LOGIN = (401, 403)
_BEFORE_BUILDINFO = 404  # Prometheus before 2.14 has no buildinfo


@dataclass(frozen=True, slots=True)
class Ports:
    """The only two ports that are connected to."""

    prometheus: int = 9090
    alertmanager: int = 9093


class Servers:
    """Asks each port when somebody begins to listen there, and again where nobody answered."""

    def __init__(self, ports: Ports | None = None) -> None:
        ports = ports or Ports()
        self._asked: dict[int, tuple[int | None, Answered]] = {}
        self._ways: tuple[tuple[Kind, int, Callable[[int], Answered]], ...] = (
            ("prometheus", ports.prometheus, _prometheus),
            ("alertmanager", ports.alertmanager, _alertmanager),
        )

    def look(self, listeners: Sequence[Listener] | None, *, connect: bool) -> tuple[Answered, ...]:
        """``listeners`` None: who listens is not known, so both are tried."""
        return tuple(self._look(kind, port, ask, listeners, connect) for kind, port, ask in self._ways)

    def _look(
        self,
        kind: Kind,
        port: int,
        ask: Callable[[int], Answered],
        listeners: Sequence[Listener] | None,
        connect: bool,
    ) -> Answered:
        inode: int | None = None
        if listeners is not None:
            there = [
                each for each in listeners if each.port == port and reached_at(each.address) == "127.0.0.1"
            ]
            if not there:
                self._asked.pop(port, None)
                return Answered(kind, port, Server.NOBODY)
            inode = there[0].inode
        if not connect:
            return Answered(kind, port, Server.UNASKED)
        before = self._asked.get(port)
        same = before is not None and inode is not None and before[0] == inode
        if same and before is not None and before[1].what is not Server.SILENT:
            return before[1]
        answer = ask(port)
        self._asked[port] = (inode, answer)
        return answer


def _prometheus(port: int) -> Answered:
    try:
        reply = _ask(port, "/api/v1/status/buildinfo")
        if reply.status == _BEFORE_BUILDINFO:
            reply = _ask(port, "/api/v1/status/flags")
    except Silent as error:
        return Answered("prometheus", port, Server.SILENT, detail=str(error))
    data = _document(reply).get("data")
    if _document(reply).get("status") != "success" or not isinstance(data, dict):
        return _other("prometheus", port, reply)
    version = data.get("version")
    if not isinstance(version, str) and "web.listen-address" not in data:
        return _other("prometheus", port, reply)
    return Answered("prometheus", port, Server.RIGHT, version if isinstance(version, str) else "")


def _alertmanager(port: int) -> Answered:
    try:
        reply = _ask(port, "/api/v2/status")
    except Silent as error:
        return Answered("alertmanager", port, Server.SILENT, detail=str(error))
    info = _document(reply).get("versionInfo")
    if not isinstance(info, dict) or "cluster" not in _document(reply):
        return _other("alertmanager", port, reply)
    version = info.get("version")
    return Answered("alertmanager", port, Server.RIGHT, version if isinstance(version, str) else "")


def _ask(port: int, path: str) -> Reply:
    return get("127.0.0.1", port, path, seconds=SECONDS, max_bytes=MAX_BYTES, accept="application/json")


def _other(kind: Kind, port: int, reply: Reply) -> Answered:
    what = Server.LOGIN if reply.status in _LOGIN else Server.OTHER
    return Answered(kind, port, what, detail=f"status {reply.status}")


def _document(reply: Reply) -> dict[str, object]:
    """The JSON object of a good answer; empty for anything else."""
    if reply.status != 200 or reply.cut:
        return {}
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
