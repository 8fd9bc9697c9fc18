"""What outlives the process: acks and episodes."""
