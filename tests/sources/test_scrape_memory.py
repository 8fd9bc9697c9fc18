"""A scrape source that goes on from the looks of an earlier process, against real HTTP servers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from sources.test_scrape import ERROR, EVERYTHING, SUCCESS, figures, scraping, target
from wfmon.model import look
from wfmon.model.look import Look
from wfmon.model.metrics import RunKey
from wfmon.model.record import replace
from wfmon.sources.base import Reading, Recalls, SourceError
from wfmon.sources.profile import Profile, load_profiles, parse_profile

FIRST = 'workflow_executions_total{workflow="a",status="success"} %d\n'
FAILED = 'workflow_executions_total{workflow="a",status="error"} %d\n'


@dataclass
class Memory:
    """What a store would do, without one."""

    looks: dict[look.Target, list[Look]] = field(default_factory=dict)

    def past(self, target: look.Target, now: float) -> Sequence[Look]:
        return tuple(each for each in self.looks.get(target, ()) if each.at <= now)

    def tell(self, target: look.Target, seen: Look) -> None:
        self.looks.setdefault(target, []).append(seen)


def call(url: str, memory: Memory, now: float, profiles: tuple[Profile, ...] = ()) -> Reading:
    """One poll by a process of its own."""
    with scraping(url, profiles=profiles) as source:
        assert isinstance(source, Recalls)
        source.recall(memory.past, memory.tell)
        return source.poll(now)


def test_it_counts_from_what_was_seen_before() -> None:
    memory = Memory()
    with target(FIRST % 100) as server:
        assert not call(server.url, memory, 1000.0).settled
        server.text = FIRST % 107 + FAILED % 2
        reading = call(server.url, memory, 1060.0)
    assert reading.settled
    window = figures(reading).runs[0]
    assert (window.covered, window.counts) == (60.0, {RunKey("a", SUCCESS): 7.0, RunKey("a", ERROR): 2.0})


def test_many_processes_see_what_one_would_have_seen() -> None:
    """Over births, resets, restarts, vanished series and failed answers, look for look."""
    choose = random.Random(4)
    for _ in range(12):
        memory = Memory()
        with target() as server, scraping(server.url) as live:
            now, start, n = 1000.0, 500, 5
            for _ in range(10):
                now += choose.choice((7.0, 31.0, 60.0, 140.0))
                n += choose.randrange(4)
                if choose.random() < 0.15:
                    start, n = start + 100, choose.randrange(9)
                server.up = not server.up or choose.random() > 0.2
                server.text = f"process_start_time_seconds {start}\n" + EVERYTHING % {"n": n}
                for status in choose.sample(("error", "timeout", "cancelled"), 2):
                    server.text += f'workflow_executions_total{{workflow="b",status="{status}"}} {n}\n'
                if not server.up:
                    with pytest.raises(SourceError):
                        live.poll(now)
                    with pytest.raises(SourceError):
                        call(server.url, memory, now)
                    continue
                alone, steady = figures(call(server.url, memory, now)), figures(live.poll(now))
                assert replace(alone, growth=None) == replace(steady, growth=None)


def test_a_look_is_what_is_wanted_and_no_more() -> None:
    memory = Memory()
    text = "# HELP x y\n# TYPE x counter\nother_total 7\n" + FIRST % 3 + "process_start_time_seconds 5\nz 1\n"
    with target(text) as server:
        call(server.url, memory, 1000.0)
        server.up = False
        with pytest.raises(SourceError):
            call(server.url, memory, 1060.0)
    ((seen,),) = memory.looks.values()
    lines, _, read = seen.lines.partition(b"\n# read ")
    assert (seen.at, lines) == (1000.0, (FIRST % 3).encode() + b"process_start_time_seconds 5")
    assert read.isalnum(), "for which names it was made; all that were there are in it"


def test_a_target_without_a_series_was_watched_all_the_same() -> None:
    memory = Memory()
    with target("up 1\n") as server:
        call(server.url, memory, 1000.0)
        server.text = FAILED % 4
        assert figures(call(server.url, memory, 1030.0)).runs[0].counts[RunKey("a", ERROR)] == 4.0


def test_the_same_target_whatever_its_credentials_and_whichever_profiles_there_are() -> None:
    def known(url: str, profiles: tuple[Profile, ...] = (), *, narrowed: bool = False) -> look.Target:
        with scraping(url, profiles=profiles, narrowed=narrowed) as source:
            return source._targets[0].known_as

    plain = known("http://h:1/metrics?a=1")
    assert plain == known("http://user:hunter2@h:1/metrics?a=1")
    assert plain == known("http://h:1/metrics?a=1", (*load_profiles(), MORE))
    assert plain.shown == "http://h:1/metrics"
    assert plain.id.isalnum()
    others = [known(url).id for url in ("http://h:1/metrics?a=2", "https://h:1/metrics?a=1", "http://[h/x")]
    assert len({plain.id, *others, known("http://h:1/metrics?a=1", (MORE,), narrowed=True).id}) == 5


MORE = parse_profile(
    b"""schema = 1
name = "more"
title = "more"
detect = ["m_total", "m_info"]
[labels]
workflow = ["w"]
[signals]
runs = [{ metric = "m_total", set = { status = "success" } }]
""",
    "more.toml",
)


def test_a_counter_is_not_born_because_a_later_version_knows_it() -> None:
    """Nor is one whose profile comes to fit later; what is new since is born all the same."""
    memory = Memory()
    old = tuple(profile for profile in load_profiles() if profile.name == "seed")
    text = FIRST + 'm_total{w="a"} 500\n'
    with target(text % 100) as server:
        call(server.url, memory, 1000.0, profiles=old)
        server.text = (text + FAILED) % (101, 2) + 'm_total{w="b"} 7\n'
        reading = call(server.url, memory, 1060.0, profiles=(*old, MORE))
        seed, more = reading.samples[1], reading.samples[0]
        assert seed.runs[0].counts == {RunKey("a", SUCCESS): 1.0, RunKey("a", ERROR): 2.0}
        assert more.runs[0].counts[RunKey("a", SUCCESS)] == 0.0, "it was there unseen"
        server.text += 'm_total{w="c"} 3\n'
        later = call(server.url, memory, 1120.0, profiles=(*old, MORE))
    assert later.samples[0].runs[0].counts[RunKey("c", SUCCESS)] == 3.0


def test_a_kept_look_is_read_whole_whatever_says_which_profile_fits() -> None:
    """What tells a profile need not be a figure, and is not kept."""
    by_info = msgspec.structs.replace(MORE, detect=["m_info"])
    seed = tuple(profile for profile in load_profiles() if profile.name == "seed")
    memory = Memory()
    text = FIRST % 100 + 'm_info 1\nm_total{w="a"} %d\n'
    with target(text % 5) as server:
        call(server.url, memory, 1000.0, profiles=(*seed, by_info))
        ((seen,),) = memory.looks.values()
        assert b"m_info 1" not in seen.lines
        server.text = text % 8
        reading = call(server.url, memory, 1060.0, profiles=(*seed, by_info))
        assert reading.samples[0].runs[0].counts[RunKey("a", SUCCESS)] == 3.0
        server.up = False
        with scraping(server.url, profiles=(*seed, by_info)) as source:
            source.recall(memory.past, memory.tell)
            source._remember(1061.0)
            assert [profile.name for profile in source._targets[0].fitting] == ["more", "seed"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_counter_is_not_born_because_its_profile_fits_only_now(restarted: bool) -> None:
    late = msgspec.structs.replace(MORE, detect=["m_info"])
    other = tuple(profile for profile in load_profiles() if profile.name == "seed")
    memory = Memory()
    text = FIRST % 100 + 'm_total{w="a"} 500\n'
    with target(text) as server, scraping(server.url, profiles=(*other, late)) as live:
        live.recall(memory.past, memory.tell)
        assert live.poll(1000.0).profile == "seed"
        server.text = text + 'm_info 1\nm_total{w="b"} 7\n'
        if restarted:
            reading = call(server.url, memory, 1060.0, profiles=(*other, late))
        else:
            reading = live.poll(1060.0)
        counts = reading.samples[0].runs[0].counts
        assert (reading.profile, counts[RunKey("a", SUCCESS)]) == ("more, seed", 0.0)
        server.text = text.replace("500", "504") + 'm_info 1\nm_total{w="b"} 7\nm_total{w="c"} 1\n'
        counts = live.poll(1120.0).samples[0].runs[0].counts if not restarted else counts
    assert restarted or (counts[RunKey("a", SUCCESS)], counts[RunKey("c", SUCCESS)]) == (4.0, 1.0)


@pytest.mark.parametrize("wrong", [b"<html>", b"\xff\xfe\x00"])
def test_looks_that_are_no_metrics_do_no_harm(wrong: bytes) -> None:
    memory = Memory()
    with target(FIRST % 100) as server:
        call(server.url, memory, 1000.0)
        ((seen,),) = memory.looks.values()
        memory.looks = {key: [Look(990.0, wrong), seen, Look(1010.0, wrong)] for key in memory.looks}
        server.text = FIRST % 103
        counts = figures(call(server.url, memory, 1060.0)).runs[0].counts
    assert counts[RunKey("a", SUCCESS)] == 3.0


def test_after_a_gap_it_is_not_settled_and_nothing_is_made_up() -> None:
    memory = Memory()
    with target(EVERYTHING % {"n": 1}) as server:
        call(server.url, memory, 1000.0)
        server.text = EVERYTHING % {"n": 50}
        reading = call(server.url, memory, 1000.0 + 700.0)
    sample = figures(reading)
    assert not reading.settled
    assert (sample.covered, sample.runs[0].covered) == (0.0, 0.0)
    assert {amount.delta for amount in sample.tokens.values()} == {None}
    assert {amount.delta for amount in sample.calls.values()} == {None}


def test_one_target_that_does_not_answer_keeps_its_past() -> None:
    memory = Memory()
    with target(FIRST % 100) as one, target(FIRST % 10) as two:
        with scraping(one.url, two.url) as source:
            source.recall(memory.past, memory.tell)
            source.poll(1000.0)
        two.up = False
        one.text = FIRST % 105
        with scraping(one.url, two.url) as source:
            source.recall(memory.past, memory.tell)
            reading = source.poll(1060.0)
    assert reading.settled
    assert reading.partial is not None
    assert figures(reading).runs[0].counts[RunKey("a", SUCCESS)] == 5.0
    assert figures(reading).runs[0].covered == 0.0, "the one that is silent is known up to its last look"
    assert sorted(len(looks) for looks in memory.looks.values()) == [1, 2]
