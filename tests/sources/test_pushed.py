"""What was pushed long ago is told, the oldest first."""

from __future__ import annotations

from sources.test_prometheus_beside import SCOPE, FakeApi
from support.expositions import missing_words
from wfmon.sources.profile import shipped_profiles
from wfmon.sources.prometheus_api import Row
from wfmon.sources.prometheus_errands import Known
from wfmon.sources.prometheus_pushed import PushedErrand
from wfmon.sources.pushed import old_pushes

NOW = 1_000_000.0


def test_only_what_is_old_is_told() -> None:
    groups = [
        ({"job": "fresh"}, NOW - 299),
        ({"job": "nightly", "instance": "a"}, NOW - 7200),
        ({"job": "pushgateway", "exported_job": "older", "instance": "gateway:9091"}, NOW - 90_000),
        ({"job": "never"}, float("nan")),
        ({"job": "ahead"}, NOW + 60),
    ]
    assert old_pushes(groups, NOW) == [
        "older pushed 1d ago: its figures are of then",
        "nightly/a pushed 2h ago: its figures are of then",
    ]


def test_of_many_the_oldest_are_named() -> None:
    groups = [({"job": f"j{number}"}, NOW - 1000 * number) for number in range(1, 10)]
    words = old_pushes(groups, NOW)
    assert [word.split()[0] for word in words] == ["j9", "j8", "j7", "6"]
    assert words[-1] == "6 more pushed as long ago"


def test_a_scrape_tells_it() -> None:
    text = 'workflow_executions_total{workflow="w",status="success"} 5\npush_time_seconds{job="\x1b[2Jw"} 5\n'
    words = missing_words(shipped_profiles(), text)
    (told,) = [word for word in words if "pushed" in word]
    assert "11d ago" in told
    assert "\x1b" not in told


def test_of_a_prometheus_only_jobs_that_figures_come_from() -> None:
    rows = [
        Row({"job": "w", "exported_job": "nightly"}, NOW, NOW - 7200),
        Row({"job": "else", "exported_job": "backup"}, NOW, NOW - 7200),
    ]
    api = FakeApi(vector=lambda query: rows)
    errand = PushedErrand()
    assert errand.due(Known(SCOPE, NOW), 5.0)
    errand.ask(api, Known(SCOPE, NOW), 5.0)
    assert not errand.due(Known(SCOPE, NOW), 6.0)
    assert errand.missing(NOW) == ("nightly pushed 2h ago: its figures are of then",)
    assert api.asked == [f"bottomk(20, push_time_seconds < {NOW - 300:.0f})"]
