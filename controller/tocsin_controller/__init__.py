"""Owns scheduling and state; any number of equal processes on one PostgreSQL."""
