"""``wfmon-tui``: the first frame, then the command line, then the command.

Nothing heavy is imported before the first frame is on the screen, and a command's module only when
it runs.
"""

from __future__ import annotations

import sys

from wfmon.cli import screenstart

TYPE_CHECKING = False  # without the cost of importing typing before the first frame
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wfmon.cli.options import Options

_NAME = "wfmon-tui"
_FAILED = 1
_WRONG_USE = 2
_UNKNOWN = 3
_INTERRUPTED = 130
# Commands whose module has another name.
_MODULES = {"unack": "ack", "snooze": "ack", "note": "ack", "man": "manpage"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: of this process) and give its exit code (contract.md)."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        screenstart.begin(words)
        return _run(words)
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        screenstart.undo()


def _run(words: Sequence[str]) -> int:
    from wfmon.cli.arguments import UsageError, parse

    _never_fail_on_encoding()
    try:
        options = parse(words)
    except UsageError as error:
        return _complain([f"{_NAME}: {error}"], _WRONG_USE)
    except BrokenPipeError:
        return _reader_left()
    return _run_command(options)


def _run_command(options: Options) -> int:
    failed = _UNKNOWN if options.command == "check" else _FAILED
    if options.workload_only or options.command not in ("watch", "demo"):
        _end_on_signals()
    try:
        code = _dispatch(options)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001 (the outermost place: told in words, never hidden)
        return _complain_of(error, failed)
    return code


def _dispatch(options: Options) -> int:
    """Only the module of the command is loaded."""
    import importlib

    name = _MODULES.get(options.command, options.command)
    run: Callable[[Options], int] = importlib.import_module(f"wfmon.cli.{name}").run
    return run(options)


def _complain_of(error: Exception, failed: int) -> int:
    from wfmon.config.problems import ConfigError

    if isinstance(error, ConfigError):
        return _complain([str(problem) for problem in error.problems], _WRONG_USE)
    from wfmon.sources.profile import ProfileError

    if isinstance(error, ProfileError):
        return _complain(str(error).splitlines(), _WRONG_USE)
    from wfmon.text.redact import redact
    from wfmon.text.sanitize import safe_lines

    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return _complain([f"{_NAME}: {place}{redact(error.strerror or str(error))}"], failed)
    import traceback

    trace = redact("".join(traceback.format_exception(error)))
    return _complain([f"{_NAME}: an error in wfmon-tui itself", *safe_lines(trace)], failed)


def _complain(lines: Sequence[str], code: int) -> int:
    """Each line to standard error, safe, on the normal screen."""
    from wfmon.text.sanitize import safe

    screenstart.undo()
    for line in lines:
        print(safe(line), file=sys.stderr)
    return code


def _reader_left() -> int:
    """Who read our output went away: end quietly, and let nothing more be written to it."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return _FAILED


def _never_fail_on_encoding() -> None:
    """On a terminal without UTF-8 a sign becomes ``?``; it must not end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _end_on_signals() -> None:
    """SIGTERM and SIGHUP end by ``SystemExit``, so that what was begun is cleaned up."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
