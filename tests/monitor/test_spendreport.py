"""Reports of spending: the parts are the whole, unknown is no zero, texts do nothing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from support.payloads import PAYLOADS
from support.snapshots import DAY, NOW
from support.spendworld import BOOK, MIDNIGHT, cells, spending
from wfmon.analysis.accounts import Ledger
from wfmon.model.money import Money
from wfmon.model.spend import Priced, Spending, SpendRequest
from wfmon.monitor.spendreport import as_csv, as_json, as_markdown, money_text
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe

REQUEST = SpendRequest(MIDNIGHT - DAY, NOW, (MIDNIGHT - DAY, MIDNIGHT))


def told() -> tuple[Ledger, Spending]:
    answer = spending(REQUEST)
    return Ledger(Priced(answer, BOOK)), answer


def test_csv_has_a_line_for_each_part() -> None:
    ledger, _ = told()
    rows = list(csv.DictReader(io.StringIO(as_csv(ledger, "model"))))
    counted = {row["model"]: row for row in rows if row["counted"] == "yes"}
    assert set(counted) == {"claude-y", "gpt-x", "llama"}
    assert counted["llama"]["usd"] == ""
    assert counted["llama"]["unpriced_tokens"] == "1000000"
    assert float(counted["gpt-x"]["reported_usd"]) == 1.5
    total = ledger.money().least
    assert total is not None
    assert sum(float(row["usd"]) for row in counted.values() if row["usd"]) == pytest.approx(total)


def test_json_says_what_is_not_known_by_null() -> None:
    ledger, answer = told()
    report = json.loads(as_json(ledger, "workflow", answer))
    assert report["begin"] == "2026-03-01T00:00:00.000Z"
    assert report["slots"][0]["usd"] is None
    assert report["slots"][0]["known_seconds"] == 0
    assert report["slots"][1]["usd"] > 0
    assert report["total"]["at_least"] is True
    research = next(line for line in report["lines"] if line["name"] == "research_agent" and line["counted"])
    assert research["quality"] == "band"
    assert research["usd"] < research["usd_high"]
    assert json.loads(redact(as_json(ledger, "workflow", answer))) == report, "nothing in it is a secret"


def test_markdown_is_a_table_for_people() -> None:
    ledger, answer = told()
    text = as_markdown(ledger, "provider", answer)
    assert "| provider | spent | share |" in text
    assert "| local | ? 1.0M tok | – |" in text
    assert "are known: sums are of what is known" in text


def test_without_an_answer_it_says_why() -> None:
    answer = Spending(REQUEST.begin, REQUEST.end, problem="the store is locked")
    ledger = Ledger(Priced(answer))
    assert "No answer: the store is locked" in as_markdown(ledger, "model", answer)
    report = json.loads(as_json(ledger, "model", answer))
    assert report["problem"] == "the store is locked"
    assert report["total"]["usd"] is None
    assert as_csv(ledger, "model").startswith("model,usd,")


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(), "–"),
        (Money(exact=4.2), "$4.20"),
        (Money(priced=4.2), "~$4.20"),
        (Money(low=1.2, high=4.8), "≈$1.20-4.80"),
        (Money(exact=4.2, unpriced_tokens=5.0), "≥$4.20"),
        (Money(unpriced_tokens=1.2e6), "? 1.2M tok"),
    ],
)
def test_money_in_words(money: Money, words: str) -> None:
    assert money_text(money) == words


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_hostile_names_stay_in_their_cells(payload: object) -> None:
    name = safe(payload.text)  # type: ignore[attr-defined]
    made = tuple(replace(one, key=replace(one.key, model=name)) for one in cells())
    answer = replace(spending(REQUEST), cells=made)
    ledger = Ledger(Priced(answer, BOOK))
    rows = list(csv.reader(io.StringIO(as_csv(ledger, "model"))))
    assert len({len(row) for row in rows}) == 1
    table = [line for line in as_markdown(ledger, "model", answer).splitlines() if line.startswith("| ")]
    assert {line.replace("\\\\", "").replace("\\|", "").count("|") for line in table} == {9}
    assert {line["name"] for line in json.loads(as_json(ledger, "model", answer))["lines"]} == {name or None}


@pytest.mark.parametrize("name", ["=1+1", "@sum", "-2", "+3"])
def test_no_spreadsheet_reads_a_formula(name: str) -> None:
    made = tuple(replace(one, key=replace(one.key, model=name)) for one in cells())
    ledger = Ledger(Priced(replace(spending(REQUEST), cells=made), BOOK))
    rows = list(csv.reader(io.StringIO(as_csv(ledger, "model"))))
    assert {row[0] for row in rows[1:]} == {f"'{name}"}
