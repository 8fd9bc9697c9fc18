"""The whole payload set through every screen and command, checked on the bytes that come out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.evilworld import PLAIN, EvilWorld, evil_config, evil_world, poison_acks, texts
from support.payloads import PAYLOADS, live_in
from support.program import Done
from support.pty import Terminal
from wfmon.text.sanitize import safe

pytestmark = pytest.mark.pty

SIZE = (160, 60)
NOT_TEXT = "C1RAW�|SUR�+"  # payloads with bytes that are no UTF-8


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvilWorld]:
    with evil_world(tmp_path_factory.mktemp("evil")) as world:
        yield world


def controls(text: str) -> list[str]:
    """Characters that do more than stand in a line."""
    kinds = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co"}
    return sorted({hex(ord(char)) for char in text if char != "\n" and unicodedata.category(char) in kinds})


def live(output: bytes) -> list[str]:
    """Payloads that are live; a mark behind another text's character combines with that, not with a frame."""
    return live_in(re.sub(rb"[0-9 e/]\xcc\x81leading", b"", output))


def harmless(done: Done) -> Done:
    for output in (done.out, done.err):
        assert controls(output) == []
    assert live(done.raw) == []
    assert "Traceback (most" not in done.out + done.err
    return done


def test_commands_print_no_control_character(world: EvilWorld) -> None:
    snapshot = harmless(world.program.run("snapshot"))
    assert snapshot.code == 0
    for shown in ("w00TITLE␛]0;PWNED␇after", "[/usr/bin/gnome-shell]", "{name} %s %(x)s ${HOME} `id`"):
        assert shown in snapshot.out
    assert "�" not in re.sub(NOT_TEXT, "", snapshot.out)
    check = harmless(world.program.run("check"))
    assert check.code == 2
    told = harmless(world.program.run("doctor")).out
    assert "␛" in told
    structured = world.program.run("snapshot", "--json")
    for document in (structured, world.program.run("check", "--json")):
        assert every_string_is_safe(document.json)
    assert len({row["name"][:3] for row in structured.json["workflows"]} & tags("w")) == len(PAYLOADS)
    assert len({row["name"][:3] for row in structured.json["workflows"]} & tags("m")) == len(texts())
    assert structured.json["memory"]["workflows"], "the evil process was seen"


def test_a_config_refuses_them_in_words(world: EvilWorld) -> None:
    file = world.program.folder / "refused.toml"
    file.write_text(evil_config(Path("/x"), world.state, "http://x", "http://x", texts()))
    done = harmless(replace(world.program, words=()).run("check", "--config", str(file)))
    assert done.code == 2
    assert "control or invisible characters in c00TITLE␛]0;PWNED␇after" in done.err


def tags(letter: str) -> set[str]:
    return {f"{letter}{number:02d}" for number in range(len(PAYLOADS))}


def every_string_is_safe(value: object) -> bool:
    if isinstance(value, dict):
        return all(every_string_is_safe(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(map(every_string_is_safe, value))
    assert not isinstance(value, str) or controls(value) == [], value
    return True


def test_comments_from_the_command_line_and_rows_of_another_user(world: EvilWorld) -> None:
    alerts = world.program.run("check", "--json").json["alerts"]
    plain = next(alert["id"] for alert in alerts if alert["workflow"] == PLAIN)
    for start in range(0, len(PAYLOADS), 8):
        comment = b" ".join(payload.raw for payload in PAYLOADS[start : start + 8]).replace(b"\0", b"")
        done = world.program.run("ack", plain, "-m", comment.decode("utf-8", "surrogateescape"))
        assert harmless(done).code == 0
    assert harmless(world.program.run("acks")).code == 0
    assert harmless(world.program.run("unack", plain)).code == 0
    poison_acks(world.state, texts())
    for command in (("acks",), ("acks", "--all"), ("check",), ("doctor",)):
        assert harmless(world.program.run(*command)).code in (0, 1, 2), command
    for command in (("acks", "--json"), ("acks", "--all", "--json"), ("check", "--json")):
        assert every_string_is_safe(world.program.run(*command).json), command
    assert "TITLE␛]0;PWNED␇after" in world.program.run("acks", "--all").out


class Visitor:
    """Walks through the screens of one program, and waits for each to be drawn."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def open(self, *keys: str) -> None:
        self.terminal.send(*keys)
        self.terminal.wait_until(lambda: not self._at_start(), what=f"{keys} to open something")
        self.terminal.settle(0.05)

    def home(self) -> None:
        for _ in range(6):
            if self._at_start():
                return
            before = self.terminal.mark()
            self.terminal.send("esc")
            self.terminal.wait_until(lambda: self.terminal.mark() > before)  # noqa: B023
            self.terminal.settle(0.05)
        raise AssertionError(self.terminal.screen_text())

    def _at_start(self) -> bool:
        return re.match(r"wfmon .* · ops", self.terminal.emulator.row(0)) is not None

    def through(self, pages: int, *keys: str) -> None:
        for _ in range(pages):
            self.terminal.send(*keys)
            self.terminal.settle(0.03)


def test_no_screen_lets_a_payload_through(world: EvilWorld) -> None:
    with world.program.terminal(size=SIZE) as terminal:
        terminal.wait_for(r"^[✖▲◆] failure_rate", timeout=60)
        terminal.settle(0.3)
        visit = Visitor(terminal)
        lists_sources_and_help(visit)
        each_alert(visit, 12)
        runs_and_logs(visit)
        prompts(visit)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
        output = terminal.bytes_since(0)
        assert live(output) == []
        own = ("0;", "9;wfmon ", "777;notify;wfmon ")  # the title, and what is told of alerts
        assert all(one.startswith(own) and safe(one) == one for one in terminal.emulator.osc)
        assert terminal.emulator.title == "as it was"
        assert terminal.emulator.clears == 0
        assert "�" not in re.sub(NOT_TEXT, "", output.decode()), "the guard of the writer had to step in"
        assert "TITLE␛]0;PWNED␇after".encode() in output, "the payloads were really shown"


def lists_sources_and_help(visit: Visitor) -> None:
    visit.through(8, "pagedown")
    visit.through(8, "pageup")
    visit.open("S")
    visit.through(4, "enter", "down")
    visit.home()
    visit.open("?")
    visit.home()
    visit.terminal.send(":")
    visit.terminal.settle(0.1)
    visit.terminal.send("esc")
    visit.home()


def each_alert(visit: Visitor, count: int) -> None:
    """Alert, its run, its log, its workflow, of alerts with evil names."""
    visit.terminal.send("g")
    for _ in range(count):
        visit.open("enter")
        visit.through(1, "enter")
        visit.through(2, "e")
        visit.home()
        visit.open("l")
        visit.through(1, "w")
        visit.home()
        visit.terminal.send("j", "j", "j", "j", "j")


def runs_and_logs(visit: Visitor) -> None:
    """Every run of one workflow in its list, every line of one run, opened."""
    filter_for(visit, PLAIN)
    visit.open("enter")
    visit.through(len(PAYLOADS) + 4, "j")
    visit.home()
    visit.open("E")
    visit.through(3, "E")
    visit.home()
    visit.open("l")
    visit.through(8, "pageup")
    visit.terminal.send("g")
    for _ in range(40):
        visit.through(1, "enter")
        visit.through(1, "esc", "j")
    visit.home()


def filter_for(visit: Visitor, text: str) -> None:
    visit.terminal.send("/")
    visit.terminal.settle(0.1)
    visit.terminal.type(text)
    visit.terminal.send("enter")
    visit.terminal.settle(0.2)


def prompts(visit: Visitor) -> None:
    """Typed and pasted text: the filter, the comment of an ack, a note, the search of a log."""
    terminal = visit.terminal
    for payload in PAYLOADS:
        terminal.send("/")
        terminal.write(b"\x1b[200~" + payload.raw + b"\x1b[201~")
        terminal.settle(0.03)
        terminal.send("esc")
    terminal.settle(0.2)
    visit.home()
    filter_for(visit, PLAIN)
    terminal.send("a")
    terminal.wait_for("comment")
    terminal.write(b"\x1b[200~" + b" ".join(payload.raw for payload in PAYLOADS[:12]) + b"\x1b[201~")
    terminal.settle(0.1)
    terminal.send("enter")
    terminal.wait_for("comment saved")
    terminal.send("c")
    terminal.wait_for("note to")
    terminal.write(b"\x1b[200~" + b" ".join(payload.raw for payload in PAYLOADS[12:24]) + b"\x1b[201~")
    terminal.settle(0.1)
    terminal.send("enter")
    terminal.wait_for("note saved")
    terminal.send("z", "1")
    terminal.wait_for("put off until")
    visit.open("enter")
    visit.home()
    visit.open("l")
    terminal.send("/")
    terminal.write(b"\x1b[200~" + PAYLOADS[0].raw + b"\x1b[201~")
    terminal.send("enter")
    terminal.settle(0.2)
    visit.home()


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (200, 60)])
def test_the_start_screen_of_other_sizes(world: EvilWorld, size: tuple[int, int]) -> None:
    with world.program.terminal("--ascii", size=size) as terminal:
        terminal.wait_for(r"failure_rate", timeout=60)
        terminal.settle(0.2)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert live(terminal.bytes_since(0)) == []
        assert terminal.left_behind() == []
