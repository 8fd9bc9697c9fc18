"""Profiles: what is shipped, what a user may add, and how a wrong file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfmon.model.metrics import Amount, CallKey, Concept, TokenKey, TokenKind
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import Canon, run_status, settle_tokens, token_kind, zero_fill
from wfmon.sources.matchers import accepts_all, parse_matchers
from wfmon.sources.profile import (
    COMPILED,
    Profile,
    ProfileError,
    Signal,
    choose_profiles,
    exposes,
    first_exposed,
    load_profiles,
    parse_profile,
    shipped_profiles,
    user_profiles_dir,
    with_prefix,
)
from wfmon.sources.profile_compile import compiled

HEAD = 'schema = 1\nname = "x"\ntitle = "X"\ndetect = ["a_total"]\n'


def made(text: str) -> Profile:
    return parse_profile((HEAD + text).encode(), "x.toml")


def test_the_shipped_profile_is_the_published_convention() -> None:
    (seed,) = [profile for profile in load_profiles() if profile.name == "seed"]
    metrics = {concept: [s.metrics for s in seed.signals_of(concept)] for concept in Concept}
    assert metrics[Concept.RUNS] == [["workflow_executions_total"]]
    assert metrics[Concept.DURATION] == [["workflow_duration_seconds"]]
    assert metrics[Concept.ACTIVE] == [["active_workflows"]]
    assert metrics[Concept.TOKENS] == [["token_usage_total"]]
    assert metrics[Concept.COST] == [["cost_usd_total", "workflow_cost_usd_total"]]
    assert metrics[Concept.RETRIES] == [["workflow_retries_total"]]
    assert metrics[Concept.CALLS] == [["api_calls_total"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff", "x.toml: not UTF-8"),
        (b"a = [", "x.toml: not TOML"),
        (b"schema = 1", "x.toml: Object missing required field `name`"),
        (HEAD.replace("1", "2").encode(), "x.toml: schema: is 2"),
        (HEAD.replace('"x"', '"X Y"').encode(), "x.toml: name: expected lower-case"),
        (HEAD.replace('["a_total"]', "[]").encode(), "x.toml: detect: names no metric"),
        (HEAD.replace("a_total", "a b").encode(), "x.toml: detect[0]: 'a b' is not a metric name"),
        ((HEAD + "[labels]\nwrkflow = ['w']").encode(), "x.toml: labels.wrkflow: unknown, expected one of"),
        ((HEAD + "[values.status]\ngood = ['w']").encode(), "x.toml: values.status.good: unknown"),
        ((HEAD + "[tokens]\ncached = 'part'").encode(), "x.toml: tokens.cached: is 'part', expected"),
        ((HEAD + "[signals]\nrns = [{metric='a'}]").encode(), "x.toml: signals.rns: unknown"),
        ((HEAD + "[signals]\nruns = [{metric=5}]").encode(), "x.toml: signals.runs[0].metric: Expected"),
        (
            (HEAD + "[signals]\nruns = [{metrik='a'}]").encode(),
            "x.toml: signals.runs[0].metrik: unknown, expected one of: metric",
        ),
        ((HEAD + "[signals]\nruns = [{metric='a', type='conter'}]").encode(), "x.toml: signals.runs[0].type"),
        ((HEAD + "[signals]\nruns = [{metric='a', match='m=\"'}]").encode(), "x.toml: signals.runs[0].match"),
        ((HEAD + "[signals]\nruns = [{metric='a', match='m=~\"(\"'}]").encode(), "not a regular expression"),
        ((HEAD + "[signals]\nruns = [{metric='a', typ='x'}]").encode(), "(did you mean type?)"),
        ((HEAD + "[signals]\nrun = [{metric='a'}]").encode(), "(did you mean runs?)"),
        (
            (HEAD + "[signals]\nruns = [{metric='a', window=300}]").encode(),
            "runs[0].window: is for runs with",
        ),
        ((HEAD + "[signals]\nactive = [{metric='a', scale=0}]").encode(), "active[0].scale: is 0, expected"),
        ((HEAD + "[signals]\nactive = [{metric='a', scales={b=2}}]").encode(), "scales.b: is no alternative"),
        ((HEAD + "[signals]\nactive = [{metric='a', by=['model']}]").encode(), "labels.model names no label"),
        (
            (HEAD + "[signals]\nactive = [{metric='a', agg='avg'}]").encode(),
            "active[0].agg: is 'avg', expected",
        ),
        ((HEAD + "[signals]\nactive = [{metric=['a','a']}]").encode(), "metric: names one metric twice"),
        (
            (HEAD + "[signals]\ntokens = [{metric='a', set={kind='in'}}]").encode(),
            "set.kind: is 'in', expected",
        ),
        ((HEAD + "[signals]\nstorage = [{metric='a'}]").encode(), 'set: expected kind = "size" or kind'),
        ((HEAD + "[signals]\nduration = [{metric='a', quantiles={p95=9}}]").encode(), "between 0 and 1"),
        (
            (HEAD + "[signals]\nduration = [{metric='a', quantiles={p99=0.9}}]").encode(),
            "p99: unknown, expected",
        ),
        ((HEAD + "[labels]\nworkflow = ['a-b']").encode(), "labels.workflow[0]: 'a-b' is not a label name"),
        ((HEAD + "target_labels = ['a.b']").encode(), "target_labels[0]: 'a.b' is not a label name"),
        ((HEAD + "[values.status]\nerror=['x']\ntimeout=['X']").encode(), "timeout: 'X' is error already"),
        ((HEAD + "layer = 'engin'").encode(), "layer: is 'engin', expected one of: engine"),
        ((HEAD + "replaces = ['x']").encode(), "replaces: names the profile itself"),
        ((HEAD + "prefix = 'a_'").encode(), "detect[0]: begins with the prefix: write {p}total"),
        ((HEAD + "[signals]\nruns = [{metric='{p}a'}]").encode(), "stands for the prefix"),
        ((HEAD + "[not_exposed]\ncost = ' '").encode(), "not_exposed.cost: is empty, expected words"),
        ((HEAD + "[not_exposed]\ncosts = 'no'").encode(), "costs: unknown, expected one of"),
        ((HEAD + "[not_exposed]\nruns='no'\n[signals]\nruns=[{metric='a'}]").encode(), "says where it is"),
        ((HEAD + "[logs]\nformat = 'jso'").encode(), "logs.format: is 'jso', expected one of: auto json"),
        ((HEAD + "[logs]\npath = ['/a']").encode(), "logs.path: unknown, expected one of: paths"),
        ((HEAD + "[logs]\npaths = ['a/b']").encode(), "logs.paths[0]: 'a/b': expected a path that begins"),
        ((HEAD + "[logs]\npath_regex = '('").encode(), "logs.path_regex: not a regular expression"),
        ((HEAD + "[logs]\npath_regex = 'a'").encode(), "logs.path_regex: has no named group"),
        ((HEAD + "[logs]\npath_regex = '(?P<wf>a)'").encode(), "logs.path_regex.wf: unknown"),
        ((HEAD + "[logs.fields]\nworkflw = ['a']").encode(), "(did you mean workflow?)"),
        ((HEAD + "[logs.fields]\nworkflow = ['']").encode(), "logs.fields.workflow: expected dotted paths"),
        ((HEAD + "[logs.fields]\nworkflow = 'a'").encode(), "logs.fields.workflow: Expected `array`"),
        ((HEAD + "[values.model]\na = ['a']\nb = ['b', 5]").encode(), "values.model.b[1]: Expected `str`"),
        (
            (HEAD + "[signals]\nruns=[{metric='a'}, {metric='b', set={run=1}}]").encode(),
            "signals.runs[1].set.run",
        ),
        ((HEAD + "[logs.events]\na = 'sucess'").encode(), "logs.events.a: is 'sucess', expected one of"),
        ((HEAD + "[names.workflow]\nmetric = 'i'").encode(), "x.toml: names.workflow: expected metric, key"),
        ((HEAD + "surplus = 1").encode(), "x.toml: surplus: unknown, expected one of"),
    ],
)
def test_a_wrong_file_is_told_with_its_key(text: bytes, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "x.toml")
    assert words in str(caught.value)


def test_a_users_profile_is_added_and_may_replace_a_shipped_one(tmp_path: Path) -> None:
    assert user_profiles_dir({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "wfmon" / "profiles"
    assert user_profiles_dir({"HOME": str(tmp_path)}) == tmp_path / ".config" / "wfmon" / "profiles"
    assert load_profiles(tmp_path / "nowhere") == load_profiles()
    (tmp_path / "mine.toml").write_text(HEAD)
    (tmp_path / "seed.toml").write_text(HEAD.replace('"x"', '"seed"').replace('"X"', '"my seed"'))
    (tmp_path / "readme.md").write_text("not a profile")
    titles = {profile.name: profile.title for profile in load_profiles(tmp_path)}
    assert (titles["x"], titles["seed"]) == ("X", "my seed")
    (tmp_path / "again.toml").write_text(HEAD)
    with pytest.raises(ProfileError, match=r"mine\.toml: name: 'x' is the name in .*again\.toml too"):
        load_profiles(tmp_path)
    (tmp_path / "again.toml").unlink()
    (tmp_path / "wrong.toml").write_text("schema = 'one'")
    with pytest.raises(ProfileError, match=r"wrong\.toml: schema: Expected `int`"):
        load_profiles(tmp_path)


def test_the_prefix_stands_in_every_name() -> None:
    profile = made(
        'prefix = "n8n_"\n[names.workflow]\nmetric = "{p}info"\nkey = "id"\nlabel = "name"\n'
        '[signals]\nruns = [{ metric = ["{p}a", "b"], expr = "sum({p}a)" }]\n'
    )
    (signal,) = profile.signals_of(Concept.RUNS)
    assert (signal.metrics, signal.expr) == (["n8n_a", "b"], "sum(n8n_a)")
    assert profile.names["workflow"] == {"metric": "n8n_info", "key": "id", "label": "name"}


def test_all_problems_of_a_file_are_told_at_once() -> None:
    with pytest.raises(ProfileError) as caught:
        made("layer = 'x'\n[tokens]\ncached = 'y'\n[signals]\nruns = [{metric='a', agg='z'}]")
    assert [key for key, _ in caught.value.problems] == ["layer", "tokens.cached", "signals.runs[0].agg"]
    assert [line[:6] for line in str(caught.value).splitlines()] == ["x.toml"] * 3


def test_another_prefix_takes_the_place_of_the_profiles_own() -> None:
    profile = made(
        'prefix = "n8n_"\n[names.workflow]\nmetric = "{p}info"\nkey = "id"\nlabel = "name"\n'
        '[signals]\nruns = [{ metric = ["{p}a", "my_n8n_b"], scales = { "{p}a" = 2.0 },'
        ' expr = "sum({p}a) + my_n8n_b" }]\n'
    )
    flows = with_prefix(profile, "flows_")
    (signal,) = flows.signals_of(Concept.RUNS)
    assert (signal.metrics, signal.expr) == (["flows_a", "my_n8n_b"], "sum(flows_a) + my_n8n_b")
    assert (flows.prefix, signal.scales) == ("flows_", {"flows_a": 2.0})
    assert flows.names["workflow"]["metric"] == "flows_info"
    assert with_prefix(flows, "n8n_") == profile
    assert with_prefix(profile, "").signals_of(Concept.RUNS)[0].metrics == ["a", "my_n8n_b"]
    for wrong, words in ((made(""), "has no prefix"), (profile, "'a b': no metric name can begin")):
        with pytest.raises(ProfileError, match=words):
            with_prefix(wrong, "a b")


def test_the_compiled_profiles_are_those_of_the_toml_files() -> None:
    stale = "a shipped profile was changed: run python -m wfmon.sources.profile_compile"
    assert COMPILED.read_bytes() == compiled(), stale
    names = [profile.name for profile in shipped_profiles()]
    assert names == sorted(path.stem for path in COMPILED.parent.glob("*.toml"))


def test_detection() -> None:
    assert exposes({"h_bucket"}, "h")
    assert exposes({"h"}, "h")
    assert not exposes({"h_total"}, "h")
    either = made("")
    both = parse_profile(HEAD.replace('["a_total"]', '[["a_total", "b"]]').encode(), "y")
    for names, fitting in (({"a_total"}, [either]), ({"a_total", "b_count"}, [either, both]), ({"b"}, [])):
        assert choose_profiles([either, both], names) == tuple(fitting)
    assert choose_profiles([either], {"a_total"}, ["seed"]) == ()


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("success", RunStatus.SUCCESS),
        ("COMPLETED", RunStatus.SUCCESS),
        ("200", RunStatus.SUCCESS),
        ("failed", RunStatus.ERROR),
        ("404", RunStatus.ERROR),
        ("503", RunStatus.ERROR),
        ("5xx", RunStatus.ERROR),
        ("Timed-Out", RunStatus.TIMEOUT),
        ("timed out", RunStatus.TIMEOUT),
        ("canceled", RunStatus.CANCELLED),
        ("in_progress", RunStatus.RUNNING),
        ("lost", RunStatus.LOST),
        ("302", RunStatus.OTHER),
        ("²00", RunStatus.OTHER),
        ("whatever", RunStatus.OTHER),
    ],
)
def test_status_words(word: str, status: RunStatus) -> None:
    assert run_status(word) is status


def test_token_words() -> None:
    words = ("input", "prompt", "completion", "cacheRead", "cacheCreation", "cache-read", "thinking", "x")
    kinds = "input input output cached cache_write cached reasoning total"
    assert [token_kind(word).value for word in words] == kinds.split()


def test_a_profile_adds_words() -> None:
    canon = Canon(
        made('[values.status]\nsuccess = ["", "fine"]\nerror = ["*"]\n[values.kind]\ninput = ["user"]\n')
    )
    assert [canon.status(word) for word in ("", "Fine", "TimeoutError", "timeout", "ok")] == [
        RunStatus.SUCCESS,
        RunStatus.SUCCESS,
        RunStatus.ERROR,
        RunStatus.TIMEOUT,
        RunStatus.SUCCESS,
    ]
    assert canon.kind("USER") is TokenKind.INPUT
    assert Canon(made("")).status("") is None


def test_labels_become_dims() -> None:
    profile = made('[labels]\nworkflow = ["workflow", "workflow_id"]\nmodel = ["model"]\nprovider = ["p"]\n')
    canon, signal = Canon(profile), Signal(metric="a")
    assert canon.raw_labels(("workflow",)) == (
        "exported_workflow",
        "workflow",
        "exported_workflow_id",
        "workflow_id",
    )

    def workflow(**labels: str) -> str | None:
        return canon.dims(Concept.COST, signal, labels).workflow

    assert workflow(workflow="a", workflow_id="7") == "a"
    assert workflow(workflow="", workflow_id="7") == "7"
    assert workflow(exported_workflow="own", workflow="target's") == "own"
    assert workflow(other="x") is None
    assert workflow(workflow="\x1b[31m[bold]\n") == "␛[31m[bold]␤"
    names = {"workflow": {"7": "invoice"}}
    assert canon.dims(Concept.COST, signal, {"workflow_id": "7"}, names).workflow == "invoice"
    narrow = Signal(metric="a", by=["model"], set={"provider": "local"})
    dims = canon.dims(Concept.COST, narrow, {"workflow": "a", "model": "m", "p": "x"})
    assert (dims.workflow, dims.model, dims.provider) == (None, "m", "local")


def test_calls_that_nobody_judged_are_neither_good_nor_bad() -> None:
    canon = Canon(made('[labels]\nstatus = ["status"]\nprovider = ["provider"]\n'))
    signal = Signal(metric="a")
    keys = [
        canon.dims(Concept.CALLS, signal, {"provider": "p", "status": s}).call_key
        for s in ("200", "429", "", "odd")
    ]
    assert keys == [CallKey(None, "p", ok) for ok in (True, False, None, None)]


def test_zero_fill_gives_a_ratio_to_who_never_failed() -> None:
    canon = Canon(made('[labels]\nworkflow = ["w"]\nstatus = ["s"]\n'))

    def key(status: str) -> object:
        return canon.dims(Concept.RUNS, Signal(metric="a"), {"w": "a", "s": status}).run_key

    filled = zero_fill({key("ok"): 5.0})  # type: ignore[dict-item]
    assert filled == {key("ok"): 5.0, key("error"): 0.0}
    assert zero_fill({key(""): 5.0}) == {key(""): 5.0}, "how they ended is unknown"  # type: ignore[dict-item]


def test_tokens_are_brought_into_one_form() -> None:
    def key(kind: TokenKind, model: str = "m") -> TokenKey:
        return TokenKey(None, None, model, kind)

    tokens = {
        key(TokenKind.INPUT): Amount(1.0, 10.0),
        key(TokenKind.CACHED): Amount(2.0, 20.0),
        key(TokenKind.CACHE_WRITE): Amount(None, 5.0),
        key(TokenKind.TOTAL): Amount(9.0, 99.0),
        key(TokenKind.TOTAL, "n"): Amount(1.0, 1.0),
    }
    subset = settle_tokens(tokens, made(""))
    assert subset[key(TokenKind.INPUT)] == Amount(1.0, 10.0)
    assert key(TokenKind.TOTAL) not in subset, "it would count twice"
    assert key(TokenKind.TOTAL, "n") in subset
    disjoint = settle_tokens(tokens, made('[tokens]\ncached = "disjoint"\n'))
    assert disjoint[key(TokenKind.INPUT)] == Amount(None, 35.0)
    assert disjoint[key(TokenKind.CACHED)] == Amount(2.0, 20.0)


def test_matchers() -> None:
    matchers = parse_matchers(r'mode!="manual", job=~".*proxy.*",x!~"a|b",q="say \"hi\""')
    good = {"job": "my proxy", "q": 'say "hi"'}
    assert accepts_all(matchers, good)
    for wrong in ({"mode": "manual"}, {"job": "x"}, {"x": "a"}, {"q": "hi"}):
        assert not accepts_all(matchers, good | wrong)
    assert parse_matchers(" ") == ()


def test_a_place_may_be_looked_at_only_beside_or_without_others() -> None:
    profile = made(
        'prefix = "x_"\n[signals]\n'
        'runs = [{ metric = ["{p}b", "c"], unless = ["{p}h"], needs = ["{p}n", "m"] }]\n'
    )
    (signal,) = profile.signals_of(Concept.RUNS)
    assert first_exposed(signal, {"x_b", "m"}) == "x_b"
    assert first_exposed(signal, {"c", "x_n_count"}) == "c"
    assert first_exposed(signal, {"x_b", "m", "x_h_bucket"}) is None
    assert first_exposed(signal, {"x_b"}) is None
    (signal,) = with_prefix(profile, "y_").signals_of(Concept.RUNS)
    assert (signal.unless, signal.needs) == (["y_h"], ["y_n", "m"])
