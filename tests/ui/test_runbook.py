"""Runbooks: links are shown, files that the config names are read, nothing is run or fetched."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import incident
from wfmon.config.loader import load_config
from wfmon.text.sanitize import safe
from wfmon.ui.runbooks import MOST_BYTES, Runbooks, is_link, named_in
from wfmon.ui.views.runbook import RunbookView

NAME = "runbooks/invoice.md"


def runbooks(folder: Path, text: str = NAME, *, base: str = "") -> Runbooks:
    file = folder / "config.toml"
    ui = f"[ui]\nrunbooks = '{base}'\n" if base else ""
    file.write_text(f"{ui}[[workflow]]\nname = 'invoice_extract'\nrunbook = '{text}'\n")
    return named_in(load_config(file, {}).config, folder)


def written(path: Path, raw: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


async def opened(books: Runbooks, text: str = NAME, *, size: tuple[int, int] = (80, 24)) -> Stage:
    base = incident()
    alert = replace(base.alerts[0], runbook=text)
    stage = Stage(replace(base, alerts=(alert,)), runbooks=lambda: books, size=size)
    stage.press("enter", "o")
    assert isinstance(stage.shell.view, RunbookView)
    for _ in range(400):
        if "reading …" not in stage.text():
            return stage
        await asyncio.sleep(0.01)
    raise AssertionError(stage.text())


async def test_a_file_beside_the_config_is_shown(tmp_path: Path) -> None:
    written(tmp_path / NAME, b"# Invoice\n\nRestart the *worker*:\n\n    systemctl restart wf\n")
    stage = await opened(runbooks(tmp_path))
    lines = stage.lines()
    assert lines[0].startswith("─ Runbook: invoice_extract ─")
    assert lines[1].startswith("file     ")
    text = "\n".join(lines)
    assert " # Invoice\n\n Restart the *worker*:\n\n     systemctl restart wf" in text
    stage.press("y")
    assert stage.host.copied == [str(tmp_path / NAME)]
    assert "sent to the terminal's clipboard: where it is" in stage.text()


@pytest.mark.parametrize("place", ["absolute", "directory", "relative directory", "home"])
async def test_a_path_leads_from_where_the_config_says(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    where = {
        "absolute": (str(tmp_path / "x" / "b.md"), "", tmp_path / "x" / "b.md"),
        "directory": ("b.md", str(tmp_path / "books"), tmp_path / "books" / "b.md"),
        "relative directory": ("b.md", "books", tmp_path / "books" / "b.md"),
        "home": ("~/b.md", "", tmp_path / "home" / "b.md"),
    }
    text, base, path = where[place]
    written(path, b"found it\n")
    assert runbooks(tmp_path, text, base=base).read(text).lines == ("found it",)


@pytest.mark.parametrize(
    "text", ["https://wiki.example/run?book=1", "http://x", "mailto:ops@example", "slack://channel?id=1"]
)
async def test_a_link_is_shown_whole_and_may_be_copied(text: str) -> None:
    stage = await opened(Runbooks(), text)
    assert f"link     {text}" in stage.text()
    assert "opens and fetches nothing" in stage.text()
    stage.press("y")
    assert stage.host.copied == [text]


async def test_a_long_link_is_shown_to_its_end() -> None:
    text = "https://wiki.example/" + "abcdefghij" * 20
    lines = (await opened(Runbooks(), text)).lines()
    assert "".join(row[9:].strip() for row in lines[1:5]).startswith(text)


async def test_what_only_the_alert_names_is_not_read(tmp_path: Path) -> None:
    other = written(tmp_path / "secret.md", b"do not show\n")
    stage = await opened(runbooks(tmp_path), str(other))
    assert "do not show" not in stage.text()
    assert "no link, and no [[workflow]] of this config names it" in stage.text()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "there is no such file"),
        ("directory", "it is a directory"),
        ("pipe", "it is not a plain file"),
        ("device", "it is not a plain file"),
        ("socket", ""),
        ("loop", "too many levels"),
    ],
)
def test_what_is_no_plain_file_is_told_in_words_and_never_waited_for(
    tmp_path: Path, kind: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    path = tmp_path / NAME
    path.parent.mkdir()
    match kind:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "socket":
            socket.socket(socket.AF_UNIX).bind(NAME)
        case "loop":
            path.symlink_to(path)
    book = runbooks(tmp_path).read(NAME)
    assert book.lines == ()
    assert book.problem
    assert words in book.problem


def test_a_large_file_is_read_to_a_bound(tmp_path: Path) -> None:
    written(tmp_path / NAME, b"word " * 100_000)
    book = runbooks(tmp_path).read(NAME)
    assert sum(map(len, book.lines)) <= MOST_BYTES
    assert book.note == "the first 64.0K of 488.3K"


async def test_it_scrolls(tmp_path: Path) -> None:
    written(tmp_path / NAME, b"".join(b"line %d\n" % n for n in range(100)))
    stage = await opened(runbooks(tmp_path))
    assert "more lines below" in stage.text()
    assert "line 99" in "\n".join(stage.press("G"))
    stage.press("esc")
    assert not isinstance(stage.shell.view, RunbookView)


async def test_an_empty_file_says_so(tmp_path: Path) -> None:
    written(tmp_path / NAME, b"")
    assert "(it is empty)" in (await opened(runbooks(tmp_path))).text()


async def test_secrets_in_it_are_redacted(tmp_path: Path) -> None:
    written(tmp_path / NAME, b"login with password=hunter22hunter\n")
    text = (await opened(runbooks(tmp_path))).text()
    assert "hunter22" not in text
    assert "password=<redacted>" in text


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
async def test_hostile_texts_break_no_row(tmp_path: Path, size: tuple[int, int]) -> None:
    raw = b"\n".join(payload.raw for payload in PAYLOADS)
    written(tmp_path / NAME, raw)
    stage = await opened(runbooks(tmp_path), size=size)
    for _ in range(40):
        assert all(row.isprintable() for row in stage.press("pgdn"))


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_hostile_names_break_no_row(payload: object) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    stage = await opened(Runbooks(), text or "x")
    assert all(row.isprintable() for row in stage.lines())


@pytest.mark.parametrize("text", ["a.md", "/a/b.md", "~/b.md", "C:/x y", "", "runbooks: x.md"])
def test_a_path_is_no_link(text: str) -> None:
    assert not is_link(text)
