"""Runs on every host that go about it in batches: what they plan, what comes next, and doing it."""
