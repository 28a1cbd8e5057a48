"""What a command works with: a connection and a printer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tocsin_cli.client import Client
from tocsin_cli.output.printer import Printer
from tocsin_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Session:
    """One invocation's way in and way out."""

    api: Client
    out: Printer


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[Session]:
    """A session for as long as the block lasts."""
    async with Client(settings.url, key=settings.key, ca_file=settings.ca_file) as client:
        yield Session(client, Printer(settings.output, colour=settings.colour))
