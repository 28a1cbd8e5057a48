"""The daemon on a Linux host: polls for work, journals it, runs it, reports it."""
