"""Success, volume, spend and availability in words of people who do not run machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wfmon.analysis.slo import Availability, success_share
from wfmon.model.money import CostQuality
from wfmon.model.spend import RunCount, Spending
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.executivefigures import COMPARED, Compared, Stretch, Waste
from wfmon.ui.panes.facts import Part
from wfmon.ui.rows import Line, Row, width_of, wrap

KEY = "x:"
MISSED = "m:"
LABEL = 11
SAME_POINTS = 0.0005  # of success: less is no news
SAME = 0.02  # of volume and spend
DAY = 86_400.0

Cells = list[Part]


def whole(number: float) -> str:
    """``12,410``: people who are asked want the number."""
    return f"{number:,.0f}"


def share(ratio: float | None) -> str:
    """A share of runs that succeeded; as many digits as tell it from all."""
    if ratio is None:
        return numbers.UNKNOWN
    return numbers.percent(ratio, 2 if 0.999 <= ratio < 1 else 1).replace(".0%", "%")


def target_words(target: float) -> str:
    """``99%``, ``99.5%``: as it was declared."""
    return f"{target * 100:.6g}%"


def headline(look: Look, width: int, column: Compared, met: bool | None) -> list[Row]:
    """How well the last days went, against the days before."""
    sign, role = " ", "text"
    if met is not None:
        sign, role = (look.signs.good, "good") if met else (look.signs.critical, "critical")
    now, before = success_share(column.now.runs), success_share(column.before.runs)
    if now is None or column.now.runs is None:
        words = f"no finished run is known of the last {column.days} days"
        return [Line(look, width).add("  ").add(words, "muted").row()]
    words = f"{share(now)} of {whole(column.now.runs.runs)} runs succeeded in {column.days} days"
    if before is not None:
        words += f", {_better(now - before)} the {column.days} days before ({share(before)})"
    if not column.now.whole:
        words += f"; only {known_words(column.now.known)} known"
    return [
        Line(look, width).add(sign if number == 0 else " ", role).add(" ").add(part, "strong").row()
        for number, part in enumerate(wrap(words, width - 2, 2))
    ]


def _better(points: float) -> str:
    if abs(points) < SAME_POINTS:
        return "as in"
    return "better than" if points > 0 else "worse than"


def known_words(seconds: float) -> str:
    """``3 days``, ``5h``."""
    if seconds >= DAY:
        return numbers.counted(float(round(seconds / DAY)), "day")
    return numbers.duration(seconds) if seconds >= 1 else "nothing"


def table_rows(
    look: Look, width: int, columns: Sequence[Compared], waste: Mapping[int, Waste], cursor: str | None
) -> Iterator[Row]:
    """A column each for today, 7 and 30 days; under each figure what changed. ``waste`` by days."""
    wide = (width - LABEL) // len(columns)
    line = Line(look, width).add("", "label", LABEL)
    for column in columns:
        line.add(column.name.upper(), "label", wide)
    yield line.row()
    lines: tuple[tuple[str, Cells], ...] = (
        ("succeeded", [_success(column) for column in columns]),
        ("", [_success_change(column) for column in columns]),
        ("runs", [_volume(column) for column in columns]),
        ("", [_volume_change(column) for column in columns]),
        ("spent", [_spent(look, column.now) for column in columns]),
        ("", [_spent_change(column) for column in columns]),
        ("wasted", [_wasted(look, column, waste.get(column.days)) for column in columns]),
        ("known", [_known(column.now) for column in columns]),
        ("against", [(_against(look, column), "muted") for column in columns]),
    )
    for label, cells in lines:
        if not any(text for text, _role in cells):
            continue
        key = KEY + label if label in ("succeeded", "runs", "spent", "wasted") else None
        line = Line(look, width, selected=key is not None and key == cursor).add(label, "label", LABEL)
        for text, role in cells:
            line.add(text, role, wide - 1).add(" ")
        yield line.row(key)
    marks = _marks(look, columns)
    if marks:
        yield Line(look, width).add("marks", "label", LABEL).add(marks, "muted").row()


def _marks(look: Look, columns: Sequence[Compared]) -> str:
    """What stands before the amounts, said once: only of marks that are there."""
    told = [column.now.money for column in columns]
    words = []
    if any(money.quality is CostQuality.PRICED and not money.at_least for money in told):
        words.append("~ tokens by list prices, no invoice")
    if any(money.low is not None and not money.at_least for money in told):
        words.append(f"{look.signs.band} somewhere between")
    if any(money.at_least for money in told):
        words.append(f"{look.signs.at_least} at least: more was used that has no price")
    return f" {look.signs.dot} ".join(words)


def _success(column: Compared) -> Part:
    ratio = success_share(column.now.runs)
    if ratio is None or column.now.runs is None:
        return "no finished run", "muted"
    return f"{share(ratio)} of {whole(column.now.runs.runs)}", "strong"


def _success_change(column: Compared) -> Part:
    now, before = success_share(column.now.runs), success_share(column.before.runs)
    if now is None:
        return "", "muted"
    if before is None:
        return _before(column.before), "muted"
    points = now - before
    if abs(points) < SAME_POINTS:
        return "as before", "muted"
    words = f"{abs(points) * 100:.1f} points {'better' if points > 0 else 'worse'}"
    return words, "good" if points > 0 else "warning"


def _volume(column: Compared) -> Part:
    runs = column.now.runs
    return (whole(runs.runs), "strong") if runs is not None else (numbers.UNKNOWN, "muted")


def _volume_change(column: Compared) -> Part:
    now, before = column.now.runs, column.before.runs
    if now is None:
        return "", "muted"
    if before is None or not column.before.whole or not column.now.whole:
        return _before(column.before, column.now), "muted"
    return _change(now.runs, before.runs, "fewer", "many"), "muted"


def _spent(look: Look, stretch: Stretch) -> Part:
    money = stretch.money
    return money_words(
        look, money
    ), "strong" if money.known else "unknown" if money.unpriced_tokens else "muted"


def _spent_change(column: Compared) -> Part:
    now, before = column.now.money, column.before.money
    if now.least is None:
        return "", "muted"
    if before.least is None or not column.before.whole or not column.now.whole:
        return _before(column.before, column.now), "muted"
    vague = now.at_least or before.at_least or now.low is not None or before.low is not None
    return f"{'about ' if vague else ''}{_change(now.least, before.least, 'less', 'much')}", "muted"


def _wasted(look: Look, column: Compared, waste: Waste | None) -> Part:
    if waste is None or waste.share is None:
        return (numbers.UNKNOWN, "muted") if column.now.money.known else ("", "muted")
    if not waste.wasted.known:
        return "nothing", "text"
    return f"{money_words(look, waste.wasted)} ({numbers.percent(waste.share)})", "text"


def _known(stretch: Stretch) -> Part:
    if stretch.whole:
        return "all of it", "muted"
    return f"only {known_words(stretch.known)}", "warning"


def _against(look: Look, column: Compared) -> str:
    if column.days == 1:
        return f"yesterday until {numbers.clock(column.until, look.zone, seconds=False)}"
    return f"the {column.days} days before"


def _before(before: Stretch, now: Stretch | None = None) -> str:
    """Why there is nothing to compare with."""
    if before.whole and now is not None and not now.whole:
        return "too little is known"
    return f"before: {'only ' if before.known >= 1 else ''}{known_words(before.known)} known"


def _change(now: float, before: float, less: str, many: str) -> str:
    if before <= 0:
        return "none before" if now > 0 else "none, as before"
    ratio = now / before
    if abs(ratio - 1) < SAME:
        return "as before"
    if ratio >= 2:
        return f"{numbers.times(ratio)} as {many}"
    return f"{numbers.percent(abs(ratio - 1), 0)} {'more' if ratio > 1 else less}"


def availability_rows(
    look: Look,
    width: int,
    known: Availability | None,
    target: float | None,
    days: int,
    spending: Spending | None,
) -> list[Row]:
    """Against what is declared of all runs, with how many failures that leaves."""
    if target is None:
        return _words(
            look,
            width,
            "No target is declared. In the config, [slo] success = 0.99 and days = 30 say that 99% of all"
            " runs of 30 days are to succeed.",
            "muted",
        )
    short = _short(spending, days)
    if known is None:
        return _words(look, width, f"No finished run is known of the last {days} days{short}.", "muted")
    sign, role = (look.signs.good, "good") if known.met else (look.signs.critical, "critical")
    verdict = "the target is met" if known.met else "the target is missed"
    wanted = target_words(target)
    first = (
        f"{share(known.success)} of {whole(known.runs)} runs in {days} days succeeded,"
        f" {wanted} are to: {verdict}{short}."
    )
    rows = [
        Line(look, width).add(sign if number == 0 else " ", role).add(" ").add(part, "text").row()
        for number, part in enumerate(wrap(first, width - 2, 2))
    ]
    return rows + _words(look, width, _allowed(known, wanted), "text" if known.met else "strong")


def _short(spending: Spending | None, days: int) -> str:
    if spending is None:
        return ""
    span = spending.end - spending.begin
    if spending.known_seconds >= COMPARED * span:
        return ""
    return f"; only {known_words(spending.known_seconds)} of {days} days known"


def _allowed(known: Availability, wanted: str) -> str:
    if known.spent is None:
        return f"{wanted} allows no failure, and there was none."
    if known.allowed < 1:
        happened = "none happened" if not known.failures else f"{whole(known.failures)} happened"
        return f"Of so few runs {wanted} allows less than one failure; {happened}."
    number = int(known.allowed + 1e-9)
    allowed = f"Of the {whole(number)} {'failure' if number == 1 else 'failures'} that {wanted} allows"
    if known.met:
        return f"{allowed}, {whole(known.failures)} are used ({numbers.percent(known.spent)})."
    return f"{allowed}, {whole(known.failures)} happened: {numbers.times(known.spent)} as many."


def missed_rows(
    look: Look,
    width: int,
    targets: int,
    missed: Sequence[tuple[str, Availability]],
    unknown: int,
    cursor: str | None,
) -> Iterator[Row]:
    """Workflows that miss what is declared of them, the worst first."""
    if not missed:
        words = (
            f"{look.signs.good} all {targets - unknown} that are known meet it" if targets > unknown else ""
        )
        if words:
            yield Line(look, width).add(words, "good").row()
    longest = max((width_of(name) for name, _known in missed), default=0)
    name_width = max(8, min(longest, 24 if width < 110 else 40))
    for name, known in missed:
        key = MISSED + name
        line = Line(look, width, selected=key == cursor).add(look.signs.critical, "critical").add(" ")
        line.add(name, "text", name_width).add("  ")
        allowed = whole(int(known.allowed + 1e-9))
        line.add(f"{share(known.success)} of {whole(known.runs)} runs", "strong")
        line.add(f", target {target_words(known.target)}: {whole(known.failures)} failed, ", "text")
        yield line.add(f"{allowed if known.allowed >= 1 else 'none'} may", "text").row(key)
    if unknown:
        words = f"  {numbers.counted(unknown, 'workflow')} with a target: no finished run is known"
        yield Line(look, width).add(words, "muted").row()


def runs_of(spending: Spending | None, workflow: str | None = None) -> RunCount | None:
    """Finished runs of one workflow, or of all; None where none are told."""
    if spending is None or not spending.runs:
        return None
    if workflow is not None:
        return spending.runs.get(workflow)
    every = spending.runs.values()
    return RunCount(sum(each.runs for each in every), sum(each.failures for each in every))


def _words(look: Look, width: int, text: str, role: str) -> list[Row]:
    return [Line(look, width).add("  ").add(part, role).row() for part in wrap(text, width - 2, 3)]
