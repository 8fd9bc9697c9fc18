"""``wfmon-tui rules export``: our rules for the user's own Prometheus, on standard output."""

from __future__ import annotations

import sys

from wfmon.cli.options import Options

INTERVAL = 30.0


def run(options: Options) -> int:
    """0; 2 (by ``ProfileError``) where the profile names no runs."""
    from wfmon.export.build import rule_file
    from wfmon.monitor.settings import rule_settings
    from wfmon.sources.profile import ProfileError, load_profiles, user_profiles_dir

    config = options.load_config().config
    known = {profile.name: profile for profile in load_profiles(user_profiles_dir())}
    name = options.profile or next(iter(config.profiles.enabled), "seed")
    if name not in known:
        raise ProfileError("--profile", name, f"no such profile; known: {', '.join(known)}")
    windows = (float(config.windows.runs), float(config.windows.max), config.windows.grow_runs)
    interval = INTERVAL if options.interval is None else options.interval
    sys.stdout.write(rule_file(rule_settings(config), known[name], windows, interval))
    return 0
