"""Handing queued executions to agents, and knowing which agents are there."""
