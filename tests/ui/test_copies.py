"""Files of what was copied: for their owner alone, never through a link, never without end."""

from __future__ import annotations

import base64
import errno
import os
import stat
from pathlib import Path

import pytest

from support.snapshots import NOW
from wfmon.ui.copies import CLIPBOARD_BYTES, KEPT, Copies, clipped, homely


def kept(base: Path) -> Copies:
    return Copies(lambda: base)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
@pytest.mark.parametrize("shared", [False, True])
def test_only_their_owner_may_read_them(tmp_path: Path, umask: int, shared: bool) -> None:
    if shared:
        tmp_path.chmod(0o2770)
    before = os.umask(umask)
    try:
        path = kept(tmp_path).save("failure_rate-a1b2", "# text é\n", NOW)
    finally:
        os.umask(before)
    assert path.read_text() == "# text é\n"
    assert mode(path) == 0o600
    assert mode(path.parent) & 0o777 == 0o700
    assert path == tmp_path / f"copies-{os.geteuid()}" / "20260302-140327-failure_rate-a1b2.md"


def test_each_kind_has_its_ending_and_the_oldest_go(tmp_path: Path) -> None:
    copies = kept(tmp_path)
    paths = [copies.save("x", kind, NOW, kind) for kind in ("csv", "json", "md")]
    assert [path.name for path in paths] == [f"20260302-140327-x.{kind}" for kind in ("csv", "json", "md")]
    for number in range(KEPT):
        copies.save("y", "", NOW + 1 + number, "json")
    assert not any(path.exists() for path in paths)
    assert len(os.listdir(paths[0].parent)) == KEPT


def test_a_directory_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / f"copies-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o755)
    kept(tmp_path).save("x", "text", NOW)
    assert mode(folder) == 0o700


def test_two_of_one_second_are_two_files(tmp_path: Path) -> None:
    paths = [kept(tmp_path).save("x", f"{n}", NOW) for n in range(3)]
    assert [path.read_text() for path in paths] == ["0", "1", "2"]
    assert [path.name for path in paths][1:] == ["20260302-140327-x.2.md", "20260302-140327-x.3.md"]


@pytest.mark.parametrize(
    "what", ["../../etc/passwd", "a/b", "\x1b]0;x\x07", "", ".", "é" * 300, "a\nb", "-rf"]
)
def test_a_name_from_outside_leads_nowhere_else(tmp_path: Path, what: str) -> None:
    path = kept(tmp_path).save(what, "text", NOW)
    assert path.parent == tmp_path / f"copies-{os.geteuid()}"
    assert path.name.isascii()
    assert path.name.startswith("20260302-140327-")


def test_a_link_in_the_place_of_the_file_is_not_written_through(tmp_path: Path) -> None:
    folder = tmp_path / f"copies-{os.geteuid()}"
    folder.mkdir(mode=0o700)
    target = tmp_path / "target"
    (folder / "20260302-140327-x.md").symlink_to(target)
    path = kept(tmp_path).save("x", "text", NOW)
    assert path.name == "20260302-140327-x.2.md"
    assert not target.exists()


def test_a_link_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"copies-{os.geteuid()}").symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        kept(tmp_path).save("x", "text", NOW)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / f"copies-{os.geteuid()}"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with pytest.raises(OSError, match="somebody else"):
        kept(tmp_path).save("x", "text", NOW)
    assert list(folder.iterdir()) == []


def test_the_oldest_go_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    folder = tmp_path / f"copies-{os.geteuid()}"
    folder.mkdir(mode=0o700)
    (folder / "mine.md").write_text("kept")
    (folder / "00000000-000000-x.txt").write_text("kept")
    for number in range(KEPT + 5):
        kept(tmp_path).save("x", f"{number}", NOW + number)
    ours = sorted(path for path in folder.iterdir() if path.name.startswith("2026"))
    assert len(ours) == KEPT
    assert ours[-1].read_text() == f"{KEPT + 4}"
    assert ours[0].read_text() == "5"
    assert (folder / "mine.md").exists()
    assert (folder / "00000000-000000-x.txt").exists()


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_mode = os.fchmod

    def full(descriptor: int, mode: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENOSPC, "No space left on device")
        change_mode(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space"):
        kept(tmp_path).save("x", "text", NOW)
    assert list((tmp_path / f"copies-{os.geteuid()}").iterdir()) == []


def test_what_is_sent_fits_into_a_terminals_clipboard() -> None:
    assert clipped("short é") == ("short é", "")
    for text in ("x" * 200_000, "é" * 200_000, "line\n" * 50_000):
        sent, part = clipped(text)
        assert len(base64.b64encode(sent.encode())) <= 74_994
        assert part.startswith("54.7K of ")
        assert "… cut: " in sent
    assert clipped("x" * CLIPBOARD_BYTES)[1] == ""


def test_a_path_at_home_is_written_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert homely(tmp_path / "a" / "b") == "~/a/b"
    assert homely(Path("/nowhere/b")) == "/nowhere/b"
