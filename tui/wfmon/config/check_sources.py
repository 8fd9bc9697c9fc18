"""What is wrong with the ``[[source]]`` entries beyond their types."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence

from wfmon.config.problems import Finding, KeyPath
from wfmon.config.schema import Auth, Source
from wfmon.text.numbers import find_zone
from wfmon.text.sanitize import safe

_REFERENCE_FORM = '"env:NAME" or "file:PATH", never the secret itself'

# Keys that only some kinds read; said where they would be silently without effect.
_ONLY_FOR = {
    "url": ("prometheus", "scrape", "alertmanager"),
    "urls": ("scrape",),
    "auth": ("prometheus", "scrape", "alertmanager"),
    "max_bytes": ("prometheus", "scrape", "alertmanager"),
    "profiles": ("prometheus", "scrape", "logs"),
    "allow_write": ("alertmanager",),
    "paths": ("logs",),
    "fields": ("logs",),
    "timezone": ("logs",),
    "workflow": ("logs", "scrape"),
}


def source_findings(sources: Sequence[Source], distrust: Mapping[int, str]) -> Iterator[Finding]:
    """``distrust`` says, by index of the source, why its ``cmd`` may not be run."""
    names: dict[str, int] = {}
    for index, source in enumerate(sources):
        at: KeyPath = ("source", index)
        if source.name in names:
            yield (*at, "name"), f'"{safe(source.name, limit=60)}" is the name of another source too'
        names.setdefault(source.name, index)
        yield from _place_findings(source, at)
        yield from _useless_keys(source, at)
        if source.kind == "logs":
            yield from _log_findings(source, at)
        if source.max_bytes == 0:
            yield (*at, "max_bytes"), "is zero, expected a size above 0"
        if source.auth is not None:
            yield from _auth_findings(source.auth, (*at, "auth"), distrust.get(index))


def _place_findings(source: Source, at: KeyPath) -> Iterator[Finding]:
    if source.kind == "logs":
        if not source.paths:
            yield at, "paths is missing, expected file names or globs"
        for index, path in enumerate(source.paths):
            if not path:
                yield (*at, "paths", index), "is empty, expected a file name or glob"
        return
    if not source.url and not source.urls:
        yield (
            at,
            "url is missing, expected http://HOST:PORT" + ("/metrics" if source.kind == "scrape" else ""),
        )
    if source.url:
        yield from _url_findings(source.url, (*at, "url"))
    if source.kind == "alertmanager" and "?" in source.url:
        yield (*at, "url"), "has a query (?) in it, expected http://HOST:PORT"
    for index, url in enumerate(source.urls):
        yield from _url_findings(url, (*at, "urls", index))


def _url_findings(url: str, path: KeyPath) -> Iterator[Finding]:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        yield path, f"is not a URL ({safe(str(error), limit=80)}), expected http://HOST:PORT"
        return
    if "@" in parts.netloc:
        yield path, 'has credentials in it, expected auth = { username = "..", password = "env:NAME" }'
    elif parts.scheme not in ("http", "https"):
        hint = f", for instance http://{safe(url, limit=60)}" if url and ":/" not in url else ""
        yield path, f"does not begin with http:// or https://, expected http://HOST:PORT{hint}"
    elif not host:
        yield path, "names no host, expected http://HOST:PORT"
    elif port == 0 or any(char.isspace() for char in url):
        yield path, "has a blank or the port 0 in it, expected http://HOST:PORT"
    elif parts.fragment:
        yield path, "has a fragment (#) in it, expected http://HOST:PORT"


def _useless_keys(source: Source, at: KeyPath) -> Iterator[Finding]:
    for key, kinds in _ONLY_FOR.items():
        if getattr(source, key) and source.kind not in kinds:
            yield (*at, key), f'has no meaning for kind "{source.kind}", only for {", ".join(kinds)}'


def _log_findings(source: Source, at: KeyPath) -> Iterator[Finding]:
    try:
        codecs.lookup(source.encoding)
        "".encode(source.encoding)
    except (LookupError, ValueError):
        yield (
            (*at, "encoding"),
            f'unknown encoding "{safe(source.encoding, limit=40)}", expected "utf-8" or another',
        )
    try:
        find_zone(source.timezone)
    except ValueError:
        shown = safe(source.timezone, limit=40)
        yield (*at, "timezone"), f'unknown time zone "{shown}", expected a name such as "Europe/Berlin"'


def _auth_findings(auth: Auth, at: KeyPath, distrust: str | None) -> Iterator[Finding]:
    for key in ("bearer", "password"):
        reference = getattr(auth, key)
        if reference is not None and not _is_reference(reference):
            yield (*at, key), f"is not a reference, expected {_REFERENCE_FORM}"
    if auth.cmd is not None:
        if not auth.cmd or not auth.cmd[0]:
            yield (*at, "cmd"), 'is empty, expected a program and its arguments such as ["pass", "prom"]'
        if distrust is not None:
            yield (*at, "cmd"), f"is not allowed here: {distrust}"
    given = [key for key in ("bearer", "password", "cmd") if getattr(auth, key) is not None]
    if len(given) > 1:
        yield at, f"has {' and '.join(given)}, expected one of them"
    if auth.password is not None and not auth.username:
        yield at, "username is missing, expected one beside password"
    if auth.username is not None and not {"password", "cmd"} & set(given):
        yield at, f"password is missing, expected {_REFERENCE_FORM}"
    if not given and auth.username is None:
        yield at, "is empty, expected bearer, username and password, or cmd"


def _is_reference(text: str) -> bool:
    kind, _, rest = text.partition(":")
    return kind in ("env", "file") and bool(rest)
