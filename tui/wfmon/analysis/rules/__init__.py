"""One file per rule; each takes what is known and the time, and returns findings."""
