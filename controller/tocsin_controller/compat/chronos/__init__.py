"""Chronos' API at `/api/v1`."""
