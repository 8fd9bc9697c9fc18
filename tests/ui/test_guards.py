"""Rules for the code of the screen, each with a proof that breaking it would be seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

import wfmon.ui
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import incident
from wfmon.text.sanitize import safe

CODE = sorted(Path(wfmon.ui.__file__).parent.rglob("*.py"))
MARKUP_PARSERS = {"from_markup", "render_markup", "notify", "Static", "Label", "RichLog", "DataTable", "Log"}
LAYOUT_CALLS = {"update"}


def broken_rules(source: str) -> Iterator[str]:
    """Calls that read text as markup, or that lay the screen out anew."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = {keyword.arg: keyword.value for keyword in node.keywords}
        if name in MARKUP_PARSERS:
            yield f"{node.lineno}: {name} reads markup"
        if name in LAYOUT_CALLS and isinstance(node.func, ast.Attribute) and not _is_mapping(node):
            yield f"{node.lineno}: .update( lays out"
        for word in ("markup", "layout", "recompose"):
            value = words.get(word)
            if isinstance(value, ast.Constant) and value.value is True:
                yield f"{node.lineno}: {word}=True"


def _is_mapping(node: ast.Call) -> bool:
    return len(node.args) == 1 and isinstance(
        node.args[0], ast.Dict | ast.DictComp | ast.Set | ast.GeneratorExp
    )


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_nothing_reads_markup_and_nothing_lays_out(path: Path) -> None:
    assert list(broken_rules(path.read_text())) == []


@pytest.mark.parametrize(
    "bad",
    [
        "Text.from_markup(name)",
        "app.notify(str(error))",
        "Static(name)",
        "widget.update(name)",
        "console.print(name, markup=True)",
        "self.refresh(layout=True)",
    ],
)
def test_the_guard_sees_a_broken_rule(bad: str) -> None:
    assert list(broken_rules(bad))


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_hostile_names_are_shown_as_they_are_and_break_no_row(
    payload: object,
) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = incident()
    workflow = replace(base.workflows[2], name=text, last_error=text)
    alert = replace(base.alerts[0], workflow=text, labels=(("workflow", text),), summary=text, rule="storage")
    source = replace(base.sources[0], name=text, error=text, sees=text, missing=(text,), where=text)
    run = replace(base.runs[0], workflow=text, error=text)
    stage = Stage(
        replace(
            base,
            host_name=text,
            verdict=replace(base.verdict, text=text),
            workflows=(workflow,),
            alerts=(alert,),
            sources=(source,),
            runs=(run,),
        ),
        label=text,
        size=(200, 60),
    )
    stage.lines()
    for keys in ([], ["S"], ["enter"], ["q", "?"], ["q", ":"]):
        lines = stage.press(*keys)
        assert all(cell_len(line) <= 200 for line in lines)
        assert all(line.isprintable() for line in lines)
    head = text.strip()[:10].rstrip()
    assert head in Stage(replace(base, verdict=replace(base.verdict, text=text)), size=(200, 60)).text()


@pytest.mark.parametrize(
    "name", ["漢字かな交じり文の流れ" * 3, "e\u0301" * 30, "😀" * 20, "Doc review β [prod]", "[/]", "x" * 300]
)
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (133, 37)])
def test_wide_and_long_names_keep_every_row_at_its_width(name: str, size: tuple[int, int]) -> None:
    base = incident()
    workflow = replace(base.workflows[2], name=name)
    alert = replace(base.alerts[0], workflow=name)
    host = base.host
    assert host is not None
    host = replace(
        host,
        workflows=(replace(host.workflows[0], workflow=name),),
        volumes=(replace(host.volumes[0], path=name),),
    )
    stage = Stage(replace(base, workflows=(workflow,), alerts=(alert,), host=host, host_name=name), size=size)
    stage.lines()  # asserts the width of each row
    stage.press("/", *name[:5])
    stage.press("esc", "S")
