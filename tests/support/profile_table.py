"""Writes what the shipped profiles say into ``docs/profiles.md``: ``cd tests && python -m
support.profile_table``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wfmon.model.layers import Layer, rank
from wfmon.model.metrics import Concept
from wfmon.sources.canonical import TIMED
from wfmon.sources.profile import Profile, shipped_profiles

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "profiles.md"
BEGIN = "<!-- from the shipped profiles: cd tests && python -m support.profile_table -->\n"
END = "<!-- end -->\n"


def table() -> str:
    profiles = sorted(shipped_profiles(), key=lambda each: (rank(Layer(each.layer)), each.name))
    read = [profile for profile in profiles if profile.detect]
    return "\n".join([*_cells(read), "", *_words(read), *_logs(profiles)]) + "\n"


def with_table(document: str) -> str:
    """The document with the part between the marks made anew."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _cells(profiles: Iterable[Profile]) -> Iterable[str]:
    yield f"| profile | layer | {' | '.join(Concept)} |"
    yield f"|---|---|{'---|' * len(Concept)}"
    for profile in profiles:
        cells = " | ".join(_cell(profile, concept) for concept in Concept)
        yield f"| {profile.name} | {profile.layer} | {cells} |"


def _cell(profile: Profile, concept: Concept) -> str:
    signals = profile.signals_of(concept)
    if not signals:
        return "-"
    if concept in TIMED and all(signal.type in ("summary", "timer") for signal in signals):
        return "~"
    return "S" if concept.value in profile.settings else "Y"


def _words(profiles: Iterable[Profile]) -> Iterable[str]:
    for profile in profiles:
        yield f"**{profile.title}** (`{profile.name}`)"
        yield ""
        for concept in Concept:
            if concept.value in profile.not_exposed:
                setting = profile.settings.get(concept.value)
                more = f"; exposed by {setting.rstrip(',')}" if setting else ""
                yield f"- {concept}: not exposed; {_plain(profile.not_exposed[concept.value])}{_plain(more)}"
            elif concept.value in profile.settings:
                yield f"- {concept}: exposed by {_plain(profile.settings[concept.value].rstrip(','))}"
        if not profile.not_exposed and not profile.settings:
            yield "- whatever is exposed is read; what is not there is said when it is looked for"
        yield ""


def _logs(profiles: Iterable[Profile]) -> Iterable[str]:
    names = [profile.name for profile in profiles if profile.logs.detect or profile.logs.paths]
    yield f"Logs are read by the profiles of: {', '.join(names)}."


def _plain(words: str) -> str:
    """What Markdown would take for markup, as it is."""
    return words.replace("_", r"\_").replace("*", r"\*")


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(DOCUMENT)
