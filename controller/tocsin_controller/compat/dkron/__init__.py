"""Dkron's API at `/v1`."""
