"""The nouns of the monitor: frozen dataclasses that every other package speaks in.

Times are POSIX seconds (UTC), durations seconds, sizes bytes, ratios 0..1, money USD.
``None`` means unknown and never stands for zero. Every ``str`` in a model object is already
safe to show (see ``wfmon.text.sanitize``); only sources see raw text.
"""
