"""The driver's side of the store: dialling, sessions, notifications and what an outage looks like."""
