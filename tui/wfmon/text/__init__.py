"""Make untrusted text safe, redact secrets, format numbers, durations and sizes."""
