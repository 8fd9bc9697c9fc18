"""What a lane remembers: ``history.db``, written by the one collector, read by everybody."""
