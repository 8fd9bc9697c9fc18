"""Every step about a shared ack, in every situation that hypothesis can think of."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from wfmon.model.alert import Ack
from wfmon.model.foreign import Matcher, Silence
from wfmon.model.record import replace
from wfmon.model.share import Share, ShareState, mark
from wfmon.monitor.sharesteps import (
    AskAgain,
    Create,
    End,
    Extend,
    Hold,
    Scene,
    Sight,
    Standing,
    Terms,
    Wait,
    decide,
    unreached,
)

NOW = 1_700_000_000.0
TERMS = Terms(900.0, 300.0, 8 * 3600.0)
EPISODE = "abcdef012345"
OPEN = [ShareState.ASKED, ShareState.HELD, ShareState.RELEASING]


@st.composite
def silences(draw: st.DrawFn, share: Share, ahead: float) -> Silence:
    """Ours as we left it, ours with a change, somebody's, or no ack at all; around the row's own figures."""
    end = st.sampled_from([share.wanted_end, share.ends_at, None])
    wanted = draw(end)
    updated = draw(st.sampled_from([share.updated_at, None]))
    ends_at = wanted if wanted is not None else NOW + ahead + draw(st.integers(-100, 2000))
    return Silence(
        id=draw(st.sampled_from(["s1", "s2", "s3", "s4"])),
        matchers=(Matcher("alertname", "X"),),
        by=draw(st.sampled_from(["dana", "pat"])),
        comment=draw(st.sampled_from([f"ACK! x {mark(EPISODE)}", "ACK! by hand", "maintenance"])),
        starts_at=NOW + ahead - draw(st.integers(0, 1000)),
        ends_at=float(ends_at),
        updated_at=updated if updated is not None else NOW + ahead - draw(st.integers(0, 1000)),
        active=True,
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[Scene, Sight]:
    ahead = draw(st.sampled_from([0.0, -3600.0, 1800.0]))
    times = st.none() | st.integers(-1200, 1000).map(lambda shift: NOW + ahead + shift)
    share = Share(
        number=1,
        episode=EPISODE,
        via="am",
        matchers=(("alertname", "X"),),
        by="dana",
        asked_at=NOW - draw(st.integers(0, 9 * 3600)),
        state=draw(st.sampled_from(OPEN)),
        silence=draw(st.sampled_from([None, "s1"])),
        ends_at=draw(st.none() | st.integers(-1000, 900).map(lambda shift: NOW + shift)),
        updated_at=draw(times),
        wanted_end=draw(times),
        problem=draw(st.sampled_from([None, "not extended: am refused"])),
    )
    until = draw(st.none() | st.integers(-10, 10_000).map(lambda shift: NOW + shift))
    ack = draw(st.sampled_from([None, Ack("dana", NOW - 60, until, until is None)]))
    standing = draw(st.sampled_from(list(Standing)))
    scene = Scene(share, ack, standing, TERMS, NOW, ahead, draw(st.floats(0, 0.999)))
    active = tuple(draw(st.lists(silences(share, ahead), max_size=4, unique_by=lambda each: each.id)))
    kept = next((each for each in active if each.id == share.silence), None)
    if kept is None and share.silence is not None and draw(st.booleans()):
        kept = replace(draw(silences(share, ahead)), id=share.silence, active=False)
    return scene, Sight(active, kept, draw(st.booleans()))


def left_by_us(share: Share, silence: Silence) -> bool:
    untouched = share.silence == silence.id and share.updated_at == silence.updated_at
    landed = (share.wanted_end, share.by) == (silence.ends_at, silence.by)
    return untouched or (landed and silence.comment.endswith(mark(share.episode)))


@given(situations())
def test_only_what_is_ours_and_as_we_left_it_is_ever_touched(case: tuple[Scene, Sight]) -> None:
    scene, sight = case
    step = decide(scene, sight)
    known = {each.id: each for each in (*sight.active, *([sight.kept] if sight.kept else []))}
    touched: tuple[str, ...] = ()
    if isinstance(step, End):
        touched = step.withdraw
    elif isinstance(step, Hold):
        touched = (step.silence.id, *step.spare)
    elif isinstance(step, Extend):
        touched = (step.silence,)
    assert all(left_by_us(scene.share, known[each]) and known[each].active for each in touched)


@given(situations())
def test_no_second_silence_beside_an_ack_and_none_too_long(case: tuple[Scene, Sight]) -> None:
    scene, sight = case
    step = decide(scene, sight)
    if isinstance(step, Create):
        assert not [each for each in sight.active if each.comment.startswith("ACK!")]
        assert sight.known
    if isinstance(step, Create | Extend):
        assert scene.ack is not None
        assert scene.standing is not Standing.OVER
        theirs = scene.now + scene.ahead
        assert theirs < step.ends_at <= theirs + TERMS.duration + 1.001
        assert step.ends_at <= scene.share.asked_at + TERMS.longest + scene.ahead + 1.001
        if scene.ack.until is not None:
            assert step.ends_at <= scene.ack.until + scene.ahead + 1.001


@given(situations())
def test_only_what_fires_is_made_longer(case: tuple[Scene, Sight]) -> None:
    scene, sight = case
    step = decide(scene, sight)
    if isinstance(step, Extend):
        assert sight.kept is not None
        assert scene.standing is Standing.FIRING or step.ends_at < sight.kept.ends_at
        assert (
            sight.kept.ends_at - scene.now - scene.ahead < TERMS.extend or step.ends_at < sight.kept.ends_at
        )


@given(situations())
def test_what_is_not_wanted_any_more_ends_now_and_leaves_nothing_of_ours(case: tuple[Scene, Sight]) -> None:
    scene, sight = case
    assume(not scene.wanted)
    step = decide(scene, sight)
    assert isinstance(step, End)
    ours = {each.id for each in sight.active if left_by_us(scene.share, each)}
    assert ours <= set(step.withdraw)
    assert step.state in (ShareState.RELEASED, ShareState.LOST)


@given(situations())
def test_whoever_answered_the_next_look_at_the_same_finds_rest(case: tuple[Scene, Sight]) -> None:
    """A step that was done leads to one that waits: it does not turn in a circle."""
    scene, sight = case
    step = decide(scene, sight)
    if not isinstance(step, Hold):
        return
    after = replace(
        scene.share,
        state=ShareState.HELD,
        silence=step.silence.id,
        updated_at=step.silence.updated_at,
        ends_at=step.silence.ends_at - scene.ahead,
        wanted_end=None,
        problem=None,
    )
    active = tuple(each for each in sight.active if each.id not in step.spare)
    again = decide(replace(scene, share=after), Sight(active, step.silence))
    assert isinstance(again, Wait | Extend)


@given(situations(), st.booleans())
def test_without_an_answer_nothing_is_said_to_be_over_that_may_be_there(
    case: tuple[Scene, Sight], refused: bool
) -> None:
    scene, _ = case
    step = unreached(scene, "am refused", refused=refused)
    assert isinstance(step, Wait | End)
    if isinstance(step, End) and step.state is not ShareState.REFUSED:
        assert step.withdraw == ()
        assert scene.promised is None or scene.promised < scene.now
    if isinstance(step, End) and step.state is ShareState.REFUSED:
        assert refused
    if scene.wanted and scene.share.state is ShareState.ASKED and isinstance(step, Wait):
        assert step.problem == "not shared yet: am refused"


@given(situations())
def test_a_lost_silence_is_set_anew_only_while_it_was_promised(case: tuple[Scene, Sight]) -> None:
    scene, sight = case
    if isinstance(decide(scene, sight), AskAgain):
        assert sight.kept is None
        assert scene.promised is not None
        assert scene.promised > scene.now


def test_the_same_mark_and_end_of_another_person_is_not_ours() -> None:
    share = Share(
        1, EPISODE, "am", (("alertname", "X"),), "dana", NOW, ShareState.ASKED, wanted_end=NOW + 900
    )
    scene = Scene(share, Ack("dana", NOW, NOW + 3600), Standing.FIRING, TERMS, NOW)
    theirs = Silence(
        "s1", (), "pat", f"ACK! x {mark(EPISODE)}", NOW, NOW + 900, NOW, True
    )  # their host knows the alert by the same id
    step = decide(scene, Sight((theirs,)))
    assert isinstance(step, End)
    assert (step.state, step.withdraw) == (ShareState.REFUSED, ())
    ours = replace(theirs, by="dana")
    assert decide(scene, Sight((ours,))) == Hold(ours)
