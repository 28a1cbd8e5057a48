"""Publishing on a subject of NATS."""

from tocsin_agent.tasks.nats.publishing import NatsRunner

__all__ = ["NatsRunner"]
