"""Control sequences that say something beside the picture: bell, notification, title.

Their texts come from outside. Each goes through ``safe`` and, as everything that is drawn, ``guard``; then
nothing is left in it that could end the sequence or open another: no control character, no ``;``.
"""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.text.sanitize import guard, safe

BELL = "\x07"
TEXT_LIMIT = 200
HEAD_LIMIT = 60
_PLAIN_TERMINALS = ("linux", "dumb", "vt", "cons")
# These know both forms, and would tell everything twice.
_KNOW_777 = ("kitty", "ghostty", "wezterm", "foot", "rxvt")


def title(text: str, environ: Mapping[str, str]) -> str:
    """OSC 0; empty for a terminal without titles."""
    return f"\x1b]0;{_payload(text, TEXT_LIMIT)}\x07" if _has_titles(environ) else ""


def notification(head: str, text: str, environ: Mapping[str, str]) -> str:
    """OSC 9 and OSC 777, of which terminals know one; empty for one that knows neither.

    In tmux they are passed through to the terminal around it (where ``allow-passthrough`` is on).
    """
    if not _has_titles(environ):
        return ""
    head, text = _payload(head, HEAD_LIMIT), _payload(text, TEXT_LIMIT)
    # Terminals take OSC 9 with a number in front for something else (progress, a message box).
    nine = f"\x1b]9;{'' if head[:1].isalpha() else 'wfmon '}{head}: {text}\x07"
    known = f"{environ.get('TERM', '')} {environ.get('TERM_PROGRAM', '')}".lower()
    form = f"\x1b]777;notify;{head};{text}\x07"
    if "iterm" in known:
        form = nine
    elif not any(name in known for name in _KNOW_777):
        form = nine + form
    if environ.get("TMUX") or environ.get("TERM", "").startswith("tmux"):
        return "\x1bPtmux;" + form.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return form


def _has_titles(environ: Mapping[str, str]) -> bool:
    term = environ.get("TERM", "")
    return bool(term) and not term.startswith(_PLAIN_TERMINALS)


def _payload(text: str, limit: int) -> str:
    shown = guard(safe(text, limit=limit)).replace(";", ",")
    return "".join(character for character in shown if character.isprintable())
