"""Whether it is over is asked only of what has an episode: that changes no episode."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.traffic import EPISODES, GROW_RUNS, HOUR, LADDER, SETTINGS, traffic, usual
from wfmon.analysis.choose import grown
from wfmon.analysis.episodes import EpisodeMemory, advance, cleared
from wfmon.analysis.rules import failure_rate
from wfmon.model.snapshot import Workflow

STEP = 20.0


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([30.0, 120.0, 600.0]),
    st.lists(st.tuples(st.floats(600.0, 2 * HOUR), st.floats(60.0, 1800.0)), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_the_episodes_are_the_same(
    seed: int, per_hour: float, bad: list[tuple[float, float]], logged: bool, known: bool
) -> None:
    def chance(at: float) -> float:
        return 0.7 if any(begin < at < begin + seconds for begin, seconds in bad) else 0.02

    index = traffic(seed, per_hour, 3 * HOUR, chance).index
    indexes = {"w": index} if logged else {}
    asked, all_asked = EpisodeMemory(), EpisodeMemory()
    for turn in range(int(3 * HOUR / STEP)):
        at = turn * STEP
        ladder = tuple(index.step(at, seconds) for seconds in LADDER)
        chosen = grown(ladder, GROW_RUNS)
        row = Workflow(
            "w",
            runs=chosen.counts,
            window_seconds=chosen.span or None,
            ladder=ladder,
            usual=usual(0.02, per_hour) if known else None,
        )
        alerted = {dict(labels)["workflow"] for _, labels in (*asked.episodes, *asked.stored)}
        ends = cleared(asked, failure_rate.RULE)
        found = failure_rate.evaluate([row], SETTINGS, at, cleared=ends, indexes=indexes, alerted=alerted)
        asked = advance(asked, found, at, EPISODES)
        found = failure_rate.evaluate([row], SETTINGS, at, cleared=ends, indexes=indexes)
        all_asked = advance(all_asked, found, at, EPISODES)
        assert asked.ends == all_asked.ends
        assert asked.unjudged == all_asked.unjudged
        assert {k: (e.levels, e.since, e.fired_at, e.ended_at) for k, e in asked.episodes.items()} == {
            k: (e.levels, e.since, e.fired_at, e.ended_at) for k, e in all_asked.episodes.items()
        }
