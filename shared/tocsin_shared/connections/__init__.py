"""Connections: how to reach other people's servers, kept apart from the jobs that use them."""
