"""What a budget may not be; each problem with its line and its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfmon.config.loader import load_config
from wfmon.config.problems import ConfigError
from wfmon.model.budget import Period
from wfmon.monitor.budgetsettings import LEAST_TOKENS, budgets_of

GOOD = '[[budget]]\nname = "all"\nusd = 900.0\nperiod = "month"\n'


def problems(folder: Path, text: str) -> list[str]:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (GOOD.replace('"all"', '" "'), "budget[0].name", "is empty, expected a name"),
        (GOOD + GOOD, "budget[1].name", "all is the name of two budgets"),
        (GOOD.replace("usd = 900.0\n", ""), "budget[0]", "neither usd nor tokens is given"),
        (GOOD + "tokens = 5_000_000\n", "budget[0]", "both usd and tokens are given"),
        (GOOD.replace("900.0", "0.0"), "budget[0].usd", "0, expected more than 0"),
        (GOOD.replace("900.0", "nan"), "budget[0].usd", "nan, expected more than 0"),
        (GOOD + "notify_at = [0.5, 80.0]\n", "budget[0].notify_at", "80, expected a share above 0"),
        (GOOD + "min_delta = -1.0\n", "budget[0].min_delta", "-1, expected 0 or more"),
        (
            GOOD + '[[budget.burn]]\nshare = 2.0\nlong = "1h"\nshort = "5m"\nseverity = "critical"\n',
            "budget[0].burn",
            "2, expected a share above 0",
        ),
        (
            GOOD + '[[budget.burn]]\nshare = 0.1\nlong = "5m"\nshort = "5m"\nseverity = "critical"\n',
            "budget[0].burn",
            "is not shorter than long",
        ),
        (
            GOOD.replace("month", "day")
            + '[[budget.burn]]\nshare = 0.1\nlong = "2d"\nshort = "5m"\nseverity = "warning"\n',
            "budget[0].burn",
            "is longer than a day",
        ),
    ],
)
def test_a_wrong_budget_is_named_with_what_was_expected(
    tmp_path: Path, text: str, key: str, words: str
) -> None:
    found = problems(tmp_path, text)

    assert any(key in problem and words in problem for problem in found), found
    assert all(problem.split(":")[0].isdigit() for problem in found), "each names its line"


def test_every_budget_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    assert (
        len(
            problems(
                tmp_path, GOOD.replace("900.0", "-1.0") + GOOD.replace("all", "two") + "min_delta = -2.0\n"
            )
        )
        == 2
    )


def test_a_right_one_is_taken_as_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        GOOD
        + 'notify_at = [1.0, 0.5]\nscope = { workflow = "invoice_*" }\n'
        + '[[budget]]\nname = "tokens"\ntokens = 5_000_000\nperiod = "day"\n'
        + '[[budget.burn]]\nshare = 0.1\nlong = "1h"\nshort = "5m"\nseverity = "warning"\n',
        encoding="utf-8",
    )

    money, tokens = budgets_of(load_config(file, {}).config)

    assert (money.limit, money.period, money.tokens) == (900.0, Period.MONTH, False)
    assert money.notify_at == (0.5, 1.0)
    assert (money.scope.workflow, money.scope.model) == ("invoice_*", "*")
    assert [(row.share, row.long_seconds, row.critical) for row in money.windows] == [
        (0.02, 3600.0, True),
        (0.05, 21_600.0, True),
        (0.10, 86_400.0, False),
    ]
    assert (tokens.limit, tokens.tokens, tokens.min_delta) == (5e6, True, LEAST_TOKENS)
    assert [(row.share, row.long_seconds, row.critical) for row in tokens.windows] == [(0.1, 3600.0, False)]
