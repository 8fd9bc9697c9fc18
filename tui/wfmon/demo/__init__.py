"""A sample workload: real processes, real metrics, real logs, and a ledger of what happened."""
