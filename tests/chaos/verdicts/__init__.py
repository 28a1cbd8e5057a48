"""Verdicts V1 to V11: each a pure function of a history."""
