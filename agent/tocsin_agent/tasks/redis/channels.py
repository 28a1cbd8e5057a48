"""Listens on a channel. A channel keeps nothing: what is published while nobody listens is gone."""

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.receiving import Printer, receive
from tocsin_agent.tasks.redis.link import opened
from tocsin_agent.tasks.redis.server import RedisServer
from tocsin_shared.protocol import Assignment


async def listen(server: RedisServer, assignment: Assignment, printer: Printer, channel: str) -> Outcome:
    """Print the messages that are published from now on."""
    link = await opened(server)

    async def next_one() -> None:
        match await link.more(f"Listening on channel '{channel}' of {server.name}"):
            case [b"message", _, bytes(body)]:
                printer.take(body, {"channel": channel})
            case _:
                pass

    try:
        await link.ask("SUBSCRIBE", channel)
        return await receive(assignment, printer, next_one)
    finally:
        await link.close()
