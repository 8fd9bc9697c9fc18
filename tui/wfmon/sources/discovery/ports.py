"""Which listening ports may be asked for ``/metrics``, and why the others are not. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.record import dataclass
from wfmon.sources.discovery.facts import Facts, Listener, Process
from wfmon.sources.discovery.listeners import reached_at
from wfmon.sources.discovery.systems import Program, is_own, program_of, system_of
from wfmon.text.sanitize import safe

LOWEST = 1024
EPHEMERAL = 32768  # ports from here on are handed out by the kernel
MOST = 32  # that are asked

# Who listens there may take a question that it does not understand badly, log it as an attack, or answer it
# with data that is none of our business.
SERVICES = {
    1080: "SOCKS",
    1433: "SQL Server",
    1521: "Oracle",
    1883: "MQTT",
    2049: "NFS",
    2181: "ZooKeeper",
    2375: "Docker",
    2376: "Docker",
    2379: "etcd",
    2380: "etcd",
    3260: "iSCSI",
    3306: "MySQL",
    3389: "remote desktop",
    4222: "NATS",
    4317: "OTLP over gRPC",
    4369: "Erlang",
    5005: "Java debugger",
    5037: "adb",
    5432: "PostgreSQL",
    5433: "PostgreSQL",
    5671: "AMQP",
    5672: "AMQP",
    6379: "Redis",
    6380: "Redis",
    6432: "PgBouncer",
    6443: "Kubernetes",
    6650: "Pulsar",
    7000: "Cassandra",
    7001: "Cassandra",
    7233: "Temporal over gRPC",
    7687: "Neo4j",
    8883: "MQTT",
    9042: "Cassandra",
    9092: "Kafka",
    9094: "Alertmanager cluster or Kafka",
    9160: "Cassandra",
    9200: "Elasticsearch",
    9229: "Node debugger",
    9300: "Elasticsearch",
    9418: "git",
    10250: "kubelet",
    11211: "memcached",
    16379: "Redis",
    25672: "RabbitMQ",
    26379: "Redis",
    27017: "MongoDB",
    27018: "MongoDB",
    27019: "MongoDB",
    33060: "MySQL",
    50051: "gRPC",
    61613: "STOMP",
    61616: "ActiveMQ",
}
_RANGES = ((5900, 5999, "VNC"), (6000, 6063, "X11"))
# The same wherever they listen.
PROGRAMS = {
    "sshd": "ssh",
    "postgres": "PostgreSQL",
    "mysqld": "MySQL",
    "mariadbd": "MariaDB",
    "mongod": "MongoDB",
    "redis-server": "Redis",
    "valkey-server": "Valkey",
    "memcached": "memcached",
    "etcd": "etcd",
    "beam.smp": "RabbitMQ or another Erlang program",
    "nats-server": "NATS",
    "mosquitto": "MQTT",
    "dockerd": "Docker",
    "containerd": "containerd",
    "cupsd": "printing",
    "smbd": "file sharing",
    "named": "DNS",
    "dnsmasq": "DNS",
    "systemd-resolve": "DNS",
    "rpcbind": "RPC",
    "master": "mail",
    "exim4": "mail",
    "Xorg": "X11",
    "Xvnc": "VNC",
    "gpg-agent": "keys",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What may be asked. ``who`` in words; ``system`` its name, empty for a program that is not known."""

    address: str
    port: int
    who: str
    system: str = ""
    path: str = "/metrics"

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Spared:
    """A port that is not asked, and why."""

    port: int
    why: str


def choose_targets(facts: Facts) -> tuple[tuple[Target, ...], tuple[Spared, ...]]:
    """Targets with known systems first, and the ports that are spared, each in order of the port."""
    by_pid = {process.pid: process for process in facts.processes}
    asked = {each.port for each in facts.servers}
    ports: dict[int, list[Listener]] = {}
    for listener in facts.listeners:
        ports.setdefault(listener.port, []).append(listener)
    targets: list[Target] = []
    spared: list[Spared] = []
    for port, several in sorted(ports.items()):
        pid = next((each.pid for each in several if each.pid is not None), None)
        found = _judge(port, several, by_pid.get(pid) if pid is not None else None, asked)
        if isinstance(found, Target):
            targets.append(found)
        else:
            spared.append(found)
    targets.sort(key=lambda target: (not target.system, target.port))
    spared += [Spared(target.port, f"more than {MOST} ports") for target in targets[MOST:]]
    return tuple(targets[:MOST]), tuple(sorted(spared, key=lambda each: each.port))


def _judge(
    port: int, listeners: Sequence[Listener], process: Process | None, asked: set[int]
) -> Target | Spared:
    command = process.command if process is not None else ()
    system, program = system_of(command), program_of(command)
    if port in asked:
        return Spared(port, "asked already")
    if port < LOWEST:
        return Spared(port, f"below {LOWEST}")
    address = next((at for each in listeners if (at := reached_at(each.address)) is not None), None)
    if address is None:
        return Spared(port, f"listens on {safe(listeners[0].address)} only, which is not loopback")
    why = _service(port, program)
    if why is not None and (system is None or port in SERVICES):
        return Spared(port, why)
    if is_own(command):
        return Spared(port, "wfmon-tui itself")
    if port >= EPHEMERAL and system is None:
        return Spared(port, "a port of the kernel's choice, of no known system")
    who = "a process that may not be seen"
    if process is not None:
        name = system.title if system is not None else program.name if program is not None else "a process"
        who = f"{safe(name, limit=60)} (pid {process.pid})"
    path = system.path if system is not None else "/metrics"
    return Target(address, port, who, system.name if system is not None else "", path)


def _service(port: int, program: Program | None) -> str | None:
    if program is not None and program.name.rstrip(":") in PROGRAMS:
        return PROGRAMS[program.name.rstrip(":")]
    if port in SERVICES:
        return f"the port of {SERVICES[port]}"
    return next((f"a port of {name}" for low, high, name in _RANGES if low <= port <= high), None)
