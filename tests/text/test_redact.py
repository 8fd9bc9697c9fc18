"""Secrets go, counts and prose stay. The secrets below are made up."""

from __future__ import annotations

import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.text import redact as module
from wfmon.text.redact import redact

# Joined from parts, so that scanners of repositories do not take them for real ones.
A20 = "abcdEFGH1234" + "5678ijkl"
SECRETS = {
    "openai": "sk-" + "proj-" + A20,
    "openai-old": "sk-" + A20 + A20,
    "anthropic": "sk-" + "ant-api03-" + A20 + "-x_y",
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "github": "ghp_" + A20,
    "github-fine": "github_pat_" + A20 + "_z",
    "gitlab": "glpat-" + A20,
    "slack": "xoxb-" + "1234567890-" + A20,
    "google": "AIza" + A20 + A20,
    "hugging-face": "hf_" + A20,
    "groq": "gsk_" + A20,
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0." + "dozjgNryP4J3jVmNHl0w",
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "key {} used", '"{}"', "({})", "x={},y", "https://a/b?c={}&d=1", "[{}]"]
)
def test_keys_of_providers(name: str, around: str) -> None:
    shown = redact(around.format(SECRETS[name]))
    assert SECRETS[name] not in shown
    assert A20 not in shown
    assert "<redacted>" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: <redacted>"),
        ("sent bearer abcdef123456 ok", "sent bearer <redacted> ok"),
        ('{"Authorization": "Basic am9lOnB3", "x": 1}', '{"Authorization": "<redacted>", "x": 1}'),
        ("Set-Cookie: sid=1; Path=/", "Set-Cookie: <redacted>"),
        ("password=hunter2 user=joe", "password=<redacted> user=joe"),
        ("DB_PASSWORD='a b' z", "DB_PASSWORD='<redacted>' z"),
        ('{"password": "hun\\"ter2", "user": "joe"}', '{"password": "<redacted>", "user": "joe"}'),
        ('msg {\\"api_key\\": \\"abc\\"} z', 'msg {\\"api_key\\": \\"<redacted>\\"} z'),
        ("X-Api-Key: 123abc, rest", "X-Api-Key: <redacted>, rest"),
        ("apiKey => abc123", "apiKey => <redacted>"),
        ("client_secret=abc&x=1", "client_secret=<redacted>&x=1"),
        ("AWS_SECRET_ACCESS_KEY=a/b+c d", "AWS_SECRET_ACCESS_KEY=<redacted> d"),
        ("access_token=abcdef12", "access_token=<redacted>"),
        ("postgres://joe:p@ss@db/x", "postgres://<redacted>@db/x"),
        ("https://TOKEN@github.com/a", "https://<redacted>@github.com/a"),
        ("https://s3/a?X-Amz-Signature=0123abcd&b=1", "https://s3/a?X-Amz-Signature=<redacted>&b=1"),
        ("k -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- t", "k <redacted> t"),
        ("-----BEGIN PRIVATE KEY-----␤MII and cut", "<redacted>"),
    ],
)
def test_named_and_wrapped_secrets(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "tokens=1200 token_usage_total=5 max_tokens: 40 token: 12 next token=1.5",
        '{"tokens_used": 1200, "token": null, "cost_usd": 0.2}',
        "the disk-growth task-runner-with-a-long-name asked risk-assessment-and-more-words",
        "joe@example.com wrote to http://127.0.0.1:8000/metrics",
        "TimeoutError: api.example 504 after 2 s",
        "monkey = banana, keyboard: qwerty, sigmoid=3",
        'token_usage_total{model="gpt-x",type="input"} 5',
        "the secret of good coffee",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=80))
def test_idempotent(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=30))
def test_any_json_password_goes(password: str) -> None:
    shown = redact(json.dumps({"user": "x", "db_password": password, "n": 1}, ensure_ascii=False))
    assert json.loads(shown) == {"user": "x", "db_password": "<redacted>", "n": 1}


@pytest.mark.parametrize(
    "piece", ["eyJ", "a-", "password", "token: ", "://", "bearer ", "sk-", "-----BEGIN A-----", "@", "'\""]
)
def test_long_hostile_text_is_done_in_linear_time(piece: str) -> None:
    """A quadratic pattern would need minutes for this."""
    redact(piece * (300_000 // len(piece)))


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(module).failed == 0
