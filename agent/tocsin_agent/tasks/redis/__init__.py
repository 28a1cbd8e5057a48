"""Redis: publishing on a channel, and reading of lists, channels and streams."""

from tocsin_agent.tasks.redis.publishing import RedisRunner
from tocsin_agent.tasks.redis.reading import RedisReadRunner

__all__ = ["RedisReadRunner", "RedisRunner"]
