"""Secrets in text, replaced by ``<redacted>``.

What is recognised: keys of known providers by their prefix, bearer tokens and authorization or cookie
headers, JSON Web Tokens, PEM blocks, credentials in URLs, and values of keys that are called password,
secret, token, api key or the like. Counts such as ``tokens=1200`` or ``token: 12`` stay.

Every pattern is linear in the length of the text.
"""

from __future__ import annotations

import re

SIGN = "<redacted>"

# One of these is in every text (lower case) that any pattern below can match.
_HINTS = (
    "sk-", "sk_", "rk_", "akia", "asia", "gh", "glpat-", "xox", "xapp-", "aiza", "ya29.", "hf_", "gsk_",
    "xai-", "pplx-", "tvly-", "nvapi-", "r8_", "lsv2_", "npm_", "pypi-", "dop_v1_", "sg.", "eyj",
    "-----begin", "@", "bearer", "authorization", "cookie", "passw", "pwd", "passphrase", "secret",
    "token", "key", "credential", "sig",
)  # fmt: skip

# Texts, for ``re`` to compile and keep when they are first needed: together 2 ms, and few are.
_PROVIDER_KEYS = (
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, OpenRouter, DeepSeek
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"  # Stripe
    r"|A(?:KIA|SIA)[A-Z0-9]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}"  # Slack
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}"  # Google
    r"|hf_[A-Za-z0-9]{20,}"  # Hugging Face
    r"|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|tvly-[\w-]{16,}"
    r"|nvapi-[\w-]{20,}|r8_[A-Za-z0-9]{20,}|lsv2_(?:pt|sk)_\w{20,}"  # NVIDIA, Replicate, LangSmith
    r"|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{40,}|dop_v1_[a-f0-9]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r")"
)
_JWT = r"(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]+){1,4}"
_PEM = r"(?s)-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)"
_URL_CREDENTIALS = r"(?<=://)[^\s/?#\"'<>]+@"
_BEARER = r"(?i)\b(bearer\s{1,4})[A-Za-z0-9._~+/=-]{8,}"
_HEADER = (
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)((?:\\?[\"'])?\s{0,3}[:=]\s{0,3})(\\?[\"'])?"
    r"(?(3)[^\"'\\]*|[^\r\n\"'␤]*)"
)
_NAMED = (
    r"(?i)(?P<key>pass(?:word|wd|phrase)|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|token"
    r"|(?:api|access|private|encryption|signing|account)[_-]?key|credentials?|signature|\bsig)"
    r"(?P<sign>(?:\\?[\"'])?\s{0,3}(?:=>|[:=])\s{0,3})"
    r"(?:(?P<quote>\\?[\"'])(?P<quoted>(?:(?!(?P=quote))(?:\\.|.))+)|(?P<bare>[^\s\"'\\,;&<>{}()\[\]␤]+))"
)
_NOT_SECRET = frozenset(("true", "false", "null", "none", "nil", "undefined"))


def redact(text: str) -> str:
    """``text`` with ``<redacted>`` in the place of each secret. Idempotent.

    >>> redact("GET https://joe:pw@api.example/v1?api_key=abc123&page=2")
    'GET https://<redacted>@api.example/v1?api_key=<redacted>&page=2'
    """
    folded = text.lower()
    if not any(hint in folded for hint in _HINTS):
        return text
    if "-----begin" in folded:
        text = re.sub(_PEM, SIGN, text)
    text = re.sub(_PROVIDER_KEYS, SIGN, text)
    if "eyj" in folded:
        text = re.sub(_JWT, SIGN, text)
    if "@" in folded:
        text = re.sub(_URL_CREDENTIALS, f"{SIGN}@", text)
    if "bearer" in folded:
        text = re.sub(_BEARER, rf"\1{SIGN}", text)
    if "authorization" in folded or "cookie" in folded:
        text = re.sub(_HEADER, _show_header, text)
    return re.sub(_NAMED, _show_named, text)


def _show_header(match: re.Match[str]) -> str:
    name, sign, quote = match.group(1), match.group(2), match.group(3) or ""
    return f"{name}{sign}{quote}{SIGN}"


def _show_named(match: re.Match[str]) -> str:
    quoted, bare = match["quoted"], match["bare"]
    if (bare or "").lower() in _NOT_SECRET or _is_count(match["key"].lower(), quoted or bare):
        return match.group()
    return f"{match['key']}{match['sign']}{match['quote'] or ''}{SIGN}"


def _is_count(key: str, value: str) -> bool:
    """Whether the value is too short, or too much a number, for what is only sometimes a secret."""
    if key not in ("token", "signature", "credential", "credentials"):
        return False
    return len(value) < 6 or value.replace(".", "").isdigit()
