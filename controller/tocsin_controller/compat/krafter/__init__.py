"""Krafter's API at `/api/v1/cron`."""
