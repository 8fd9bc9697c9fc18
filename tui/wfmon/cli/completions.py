"""``wfmon-tui completions bash|zsh|fish``: what a shell completes, from the parsers of the command line.

Our own words rather than a library's: shtab, the one that is kept, does not know fish.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from wfmon.cli.grammar import Command, Takes, Word, commands
from wfmon.cli.options import Options

_PROGRAM = "wfmon-tui"


def run(options: Options) -> int:
    print(SHELLS[options.action](commands()), end="")
    return 0


# --- bash

_BASH = """\
# bash completion of {program}. Source it, or put it where bash-completion looks:
#   {program} completions bash > ~/.local/share/bash-completion/completions/{program}
_wfmon_tui() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous="" command="" word skip=""
    (( COMP_CWORD > 0 )) && previous=${{COMP_WORDS[COMP_CWORD-1]}}
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        if [[ -n $skip ]]; then skip=""; continue; fi
        case $word in
            {valued}) skip=1 ;;
            -*) ;;
            *) command=$word; break ;;
        esac
    done
    case $command:$previous in
{values}
    esac
    case $command in
{words}
    esac
}}
complete -F _wfmon_tui {program}
"""


def bash(known: Iterable[Command]) -> str:
    """A script for bash 4 and later."""
    found = tuple(known)
    valued = sorted({name for command in found for name in _valued(command)})
    values = [line for command in found for line in _bash_values(command)]
    return _BASH.format(
        program=_PROGRAM,
        valued="|".join(valued),
        values="\n".join(f"        {line}" for line in dict.fromkeys((*_bash_values_before(found), *values))),
        words="\n".join(f"        {line}" for line in _bash_words(found)),
    )


def _bash_values_before(found: tuple[Command, ...]) -> Iterable[str]:
    """Values of options before any command: those of ``watch``, which runs without one."""
    watch = next(command for command in found if command.name == "watch")
    yield from (_bash_value("", word) for word in watch.options if word.takes is not Takes.NOTHING)


def _bash_values(command: Command) -> Iterable[str]:
    yield from (
        _bash_value(command.name, word) for word in command.options if word.takes is not Takes.NOTHING
    )


def _bash_value(command: str, word: Word) -> str:
    where = "|".join(f"{command}:{name}" for name in word.names)
    return f"{where}) {_bash_reply(word)}; return ;;"


def _bash_reply(word: Word) -> str:
    if word.choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(word.choices)}" -- "$current"))'
    if word.takes is Takes.FILE:
        return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current"))'
    if word.takes is Takes.DIRECTORY:
        return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current"))'
    return "COMPREPLY=()"


def _bash_words(found: tuple[Command, ...]) -> Iterable[str]:
    watch = next(command for command in found if command.name == "watch")
    first = [*(command.name for command in found), *_flags(watch)]
    yield f'"") {_bash_list(first)} ;;'
    for command in found:
        choices = [choice for word in command.arguments for choice in word.choices]
        yield f"{command.name}) {_bash_list([*choices, *_flags(command)])} ;;"


def _bash_list(words: Iterable[str]) -> str:
    return f'COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$current"))'


# --- zsh

_ZSH = """\
#compdef {program}
# zsh completion of {program}. Put it into a directory of $fpath as _{program}:
#   {program} completions zsh > ~/.zfunc/_{program}
_wfmon_tui() {{
    local -a commands
    commands=(
{commands}
    )
    local command="" word skip=""
    for word in ${{words[2,CURRENT-1]}}; do
        if [[ -n $skip ]]; then skip=""; continue; fi
        case $word in
            ({valued}) skip=1 ;;
            (-*) ;;
            (*) command=$word; break ;;
        esac
    done
    case $command in
        ("") _arguments -S {watch} '1: :->command' && return
            [[ $state == command ]] && _describe command commands ;;
{arms}
    esac
}}
if [[ $funcstack[1] == _{program} ]]; then _wfmon_tui "$@"; else compdef _wfmon_tui {program}; fi
"""


def zsh(known: Iterable[Command]) -> str:
    """A script for zsh 5."""
    found = tuple(known)
    watch = next(command for command in found if command.name == "watch")
    valued = sorted({name for command in found for name in _valued(command)})
    return _ZSH.format(
        program=_PROGRAM,
        commands="\n".join(f"        {_quoted(f'{c.name}:{_plain(c.help)}')}" for c in found),
        valued="|".join(valued),
        watch=" ".join(_zsh_options(watch)),
        arms="\n".join(
            f"        ({c.name}) _arguments -S {' '.join([*_zsh_options(c), *_zsh_rest(c)])} ;;"
            for c in found
        ),
    )


def _zsh_options(command: Command) -> Iterable[str]:
    for word in command.options:
        for name in word.names:
            others = " ".join(word.names)
            exclusive = "*" if word.repeatable else f"({others})"
            value = "" if word.takes is Takes.NOTHING else f":{word.metavar.lower()}:{_zsh_action(word)}"
            yield _quoted(f"{exclusive}{name}[{_bracketed(word.help)}]{value}")


def _zsh_rest(command: Command) -> Iterable[str]:
    yield _quoted("1: :")  # the command itself
    for number, word in enumerate(command.arguments, 2):
        place = "*" if word.repeatable else str(number)
        yield _quoted(f"{place}:{word.metavar.lower()}:{_zsh_action(word)}")


def _zsh_action(word: Word) -> str:
    if word.choices:
        return f"({' '.join(word.choices)})"
    if word.takes is Takes.FILE:
        return "_files"
    return "_files -/" if word.takes is Takes.DIRECTORY else " "


def _bracketed(text: str) -> str:
    """As ``_arguments`` reads a description."""
    return re.sub(r"([\[\]:\\])", r"\\\1", _plain(text))


# --- fish

_FISH = """\
# fish completion of {program}. Put it where fish looks:
#   {program} completions fish > ~/.config/fish/completions/{program}.fish
complete -c {program} -f
{lines}
"""


def fish(known: Iterable[Command]) -> str:
    """A script for fish 3."""
    found = tuple(known)
    names = " ".join(command.name for command in found)
    none = f"not __fish_seen_subcommand_from {names}"
    lines = [
        f"complete -c {_PROGRAM} -n {_fish(none)} -a {command.name} -d {_fish(_plain(command.help))}"
        for command in found
    ]
    common = set.intersection(*(set(command.options) for command in found))
    watch = next(command for command in found if command.name == "watch")
    for word in watch.options:
        if word in common:
            lines.append(_fish_option(word, ""))
    for command in found:
        seen = f"__fish_seen_subcommand_from {command.name}"
        if command is watch:
            seen = f"{none}; or {seen}"
        lines += [_fish_option(word, seen) for word in command.options if word not in common]
        for word in command.arguments:
            if word.choices:
                choices = _fish(" ".join(word.choices))
                lines.append(
                    f"complete -c {_PROGRAM} -n {_fish(seen)} -a {choices} -d {_fish(_plain(word.help))}"
                )
    return _FISH.format(program=_PROGRAM, lines="\n".join(lines))


def _fish_option(word: Word, seen: str) -> str:
    parts = [f"complete -c {_PROGRAM}"]
    parts += [f"-n {_fish(seen)}"] if seen else []
    parts += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in word.names]
    if word.choices:
        parts.append(f"-x -a {_fish(' '.join(word.choices))}")
    elif word.takes is Takes.FILE:
        parts.append("-r -F")
    elif word.takes is Takes.DIRECTORY:
        parts.append("-x -a '(__fish_complete_directories)'")
    elif word.takes is Takes.TEXT:
        parts.append("-x")
    return " ".join([*parts, f"-d {_fish(_plain(word.help))}"])


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# --- of all three


def _flags(command: Command) -> list[str]:
    return [name for word in command.options for name in word.names]


def _valued(command: Command) -> list[str]:
    return [name for word in command.options if word.takes is not Takes.NOTHING for name in word.names]


def _plain(text: str) -> str:
    """A description on one row, as argparse prints it."""
    return " ".join(text.replace("%%", "%").split())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


SHELLS: Mapping[str, Callable[[Iterable[Command]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
