"""Themes: shipped ones are whole, wrong ones are told, NO_COLOR is honoured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.color import Color

import wfmon.ui
from support.screen import look
from wfmon.config.problems import ConfigError
from wfmon.config.resources import theme_names
from wfmon.model.snapshot import CostQuality
from wfmon.ui.signs import ASCII, UNICODE, plain
from wfmon.ui.theme import ROLES, load_theme

SHIPPED = ("clear", "dark", "light", "terminal")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's empty folder of themes."""
    folder = tmp_path / "wfmon" / "themes"
    folder.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_theme_has_every_role(name: str, own: Path) -> None:
    theme = load_theme(name)
    assert set(theme.styles) == set(theme.selected) == set(ROLES)
    assert theme.title


@pytest.mark.parametrize("name", ["dark", "light", "clear"])
def test_text_can_be_read_on_its_ground(name: str, own: Path) -> None:
    theme = load_theme(name)
    for role in ROLES:
        if role in ("rule", "bar_rest"):
            continue  # drawn lines, no text
        for style in (theme.styles[role], theme.selected[role]):
            assert contrast(style.color, style.bgcolor) >= 3.0, f"{role} in {name}"
    for role in ("text", "critical", "warning", "good", "strong"):
        style = theme.styles[role]
        assert contrast(style.color, style.bgcolor) >= 4.5, f"{role} in {name}"


def contrast(one: Color | None, other: Color | None) -> float:
    """Contrast ratio of WCAG 2.1, 1 to 21."""
    assert one is not None
    assert other is not None
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: Color) -> float:
    channels = [part / 255 for part in color.get_truecolor()]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_terminal_theme_names_no_colour_of_its_own(own: Path) -> None:
    for style in load_theme("terminal").styles.values():
        for color in (style.color, style.bgcolor):
            assert color is None or color.triplet is None


def test_no_color_leaves_no_colour_and_a_cursor(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for name in SHIPPED:
        theme = load_theme(name)
        assert all(style.color is None and style.bgcolor is None for style in theme.styles.values())
        assert theme.selected["text"].reverse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("styles = 3", "styles: expected a table"),
        ("[styles]\ncritical = 3", r"styles\.critical: expected a table"),
        ("base = 'dark'\n[styles]\ncriticle = {}", r"styles\.criticle: no such role; known: .*critical"),
        ("base = 'dark'\n[styles]\ntext = { color = 'red' }", r"styles\.text\.color: unknown; known: fg"),
        ("base = 'dark'\n[styles]\ntext = { bold = 1 }", r"styles\.text\.bold: expected true or false"),
        ("base = 'dark'\n[styles]\ntext = { fg = '#12345' }", r"styles\.text\.fg: '#12345' is no colour"),
        ("base = 'dark'\n[palette]\nred = 3", r"palette\.red: expected text"),
        ("base = 'mine'", "base: themes build on each other in a circle"),
        ("base = 'nobody'", "no theme 'nobody'; known: .*dark"),
        ("colour = 1", "colour: unknown key"),
        ("[styles]\ntext = { fg = 'red' }", "styles: missing muted"),
        ("= 3", "mine.toml: .*line 1"),
    ],
)
def test_a_theme_that_cannot_be_names_file_and_key(own: Path, text: str, words: str) -> None:
    (own / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_theme("mine")


def test_an_own_theme_builds_on_a_shipped_one(own: Path) -> None:
    (own / "mine.toml").write_text("base = 'dark'\n[palette]\nred = '#ff0000'\n")
    assert load_theme("mine").styles["critical"].color == Color.parse("#ff0000")
    assert load_theme("mine").styles["good"] == load_theme("dark").styles["good"]
    import os

    assert "mine" in theme_names(os.environ)


@pytest.mark.parametrize("name", ["nobody", "", "../dark", "a/b"])
def test_an_unknown_theme_is_told(own: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"ui\.theme: no theme"):
        load_theme(name)


def test_no_colour_is_written_in_code() -> None:
    code = Path(wfmon.ui.__file__).parent.rglob("*.py")
    found = [path.name for path in code if re.search(r"[\"']#[0-9a-fA-F]{6}[\"']", path.read_text())]
    assert found == []


def test_a_sparkline_draws_gaps_as_gaps_and_zero_as_floor() -> None:
    points = (None, 0.0, 0.001, 0.5, 1.0, float("nan"), 2.0)
    assert UNICODE.sparkline(points, 7, ceiling=1.0) == " ▁▂▅█ █"
    assert ASCII.sparkline(points, 7, ceiling=1.0) == " .:=# #"
    assert UNICODE.sparkline((0.0, 0.0), 4) == "  ▁▁"
    assert UNICODE.sparkline((), 3) == "   "
    assert UNICODE.sparkline((1.0,), 0) == ""
    assert UNICODE.sparkline(tuple(range(100)), 3, ceiling=99) == "▂▄▇", "all of it, each cell a mean"


def test_signs_are_one_cell_and_money_says_how_true_it_is() -> None:
    from rich.cells import cell_len

    for signs in (UNICODE, ASCII):
        for name in ("critical", "warning", "acked", "unknown", "good", "none", "cut", "bar"):
            assert cell_len(getattr(signs, name)) == 1
    assert [UNICODE.quality(one) for one in (*CostQuality, None)] == ["", "~", "≈", "?", ""]
    assert plain("≥3 · 漢 –") == ">=3 | ? -"
    assert look(ascii_only=True).ascii
