"""Building blocks that know nothing of workflows."""
