"""``wfmon-tui init``: what runs on this host, what may be asked for its metrics, and a config for it."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wfmon.cli.initfile import Written, config_text, count_of, write_config
from wfmon.cli.options import Options
from wfmon.text.numbers import rfc3339
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.config.schema import Config
    from wfmon.sources.discovery.facts import Facts
    from wfmon.sources.discovery.ports import Spared, Target
    from wfmon.sources.discovery.probe import Probed
    from wfmon.sources.discovery.propose import Proposal

_FAILED = 1
_MOST_SPARED = 40


def run(options: Options) -> int:
    """0 when the config is written; 1 where it is there already, or cannot be written."""
    if options.unit:
        from wfmon.cli import unit

        return unit.run(options)
    from wfmon.config.resources import user_config

    path = Path(options.config) if options.config is not None else user_config(os.environ)
    if os.path.lexists(path) and not options.force:
        _say(f"{safe(str(path))} is there already: --force writes over it")
        return _FAILED
    # What is written takes the place of what the user's file says.
    config = options.load_config(os.devnull).config
    facts, proposal = _look(config, options)
    _tell_found(proposal)
    targets = _targets(facts)
    probed = _probe(targets, config, options.probe)
    unasked = () if probed else targets
    text = config_text(Written(platform.node(), str(rfc3339(time.time())), proposal, probed, unasked))
    return _write(path, text, force=options.force)


def _look(config: Config, options: Options) -> tuple[Facts, Proposal]:
    from wfmon.monitor.assemble import base_dir
    from wfmon.monitor.discovering import HostEyes, own_directories
    from wfmon.sources.discovery.propose import propose
    from wfmon.sources.discovery.unseen import system_names

    never = own_directories(base_dir(config, read_only=True).path)
    facts = HostEyes(config, never, every_socket=True).facts(time.time())
    return facts, propose(facts, system_names(), advises=False)


def _tell_found(proposal: Proposal) -> None:
    print("found:")
    for each in proposal.proposed:
        print(f"  {each.found.what}")
    if not proposal.proposed:
        print("  nothing")
    print(f"looked at: {', '.join(proposal.looked)}")
    if proposal.left:
        print("not seen:")
        for words in proposal.left:
            print(f"  {words}")


def _targets(facts: Facts) -> Sequence[Target]:
    """What may be asked for its metrics; what is not, and why, is told."""
    from wfmon.sources.discovery.ports import choose_targets

    targets, spared = choose_targets(facts)
    _tell_spared(spared)
    if not targets:
        print("nothing listens on loopback that could be asked for its metrics")
    return targets


def _probe(targets: Sequence[Target], config: Config, agreed: bool) -> Sequence[Probed]:
    """Ask, once a person has agreed."""
    from wfmon.monitor.building import enabled_profiles
    from wfmon.sources.discovery.probe import MAX_BYTES, SECONDS, probe

    if not targets:
        return ()
    bounds = f"GET, loopback only, {SECONDS:g} s and {MAX_BYTES // 1_000_000} MB each"
    print(f"{'asked' if agreed else 'could be asked'} for metrics ({bounds}):")
    for target in targets:
        print(f"  {target.url}  {target.who}")
    sys.stdout.flush()
    if not (agreed or _agrees(targets)):
        return ()
    probed = probe(targets, enabled_profiles(config))
    print("answers:")
    for each in probed:
        print(f"  {each.target.url}  {_answer(each)}")
    return probed


def _tell_spared(spared: Sequence[Spared]) -> None:
    if not spared:
        return
    print("never asked:")
    for each in spared[:_MOST_SPARED]:
        print(f"  port {each.port}: {each.why}")
    if len(spared) > _MOST_SPARED:
        print(f"  and {len(spared) - _MOST_SPARED} more")


def _agrees(targets: Sequence[Target]) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _say("not asked: there is no terminal to agree on; --probe asks without a question")
        return False
    try:
        answer = input(f"Ask {'this one' if len(targets) == 1 else f'these {len(targets)}'} now? [y/N] ")
    except EOFError:
        print()
        return False
    return answer.strip().lower() in ("y", "yes")


def _answer(each: Probed) -> str:
    if each.problem is not None:
        return each.problem
    if not each.fits:
        return f"{count_of(each)}, and no profile fits"
    return f"{count_of(each)}: " + "; ".join(f"{fit.title}: {' '.join(fit.there)}" for fit in each.fits)


def _write(path: Path, text: str, *, force: bool) -> int:
    shown = safe(str(path))
    try:
        write_config(path, text, force=force)
    except FileExistsError:
        _say(f"{shown} is there already: --force writes over it")
        return _FAILED
    except OSError as error:
        _say(f"{shown} cannot be written: {os.strerror(error.errno or 0).lower()}")
        return _FAILED
    print(f"written: {shown}")
    print("next: wfmon-tui config check, wfmon-tui doctor, wfmon-tui")
    return 0


def _say(words: str) -> None:
    sys.stdout.flush()
    print(f"wfmon-tui: {words}", file=sys.stderr)
