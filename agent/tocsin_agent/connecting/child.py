"""Tries one connection in a process of its own: reads it from stdin, prints what came of it as JSON.

So drivers neither hold up nor fill the program that asks, and can be ended whatever they do.
"""

import asyncio
import logging
import resource
import sys
from typing import Final

from pydantic import BaseModel, Field

from tocsin_agent.connecting.trying import try_connection
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.network import Reach
from tocsin_shared.wire import dumps

#: Drivers take less than a tenth of it.
_MOST_BYTES: Final = 1024 * 1024 * 1024


class Request(BaseModel):
    """What is to be tried."""

    connection: GivenConnection
    #: The network policy that holds here.
    reach: Reach
    timeout_secs: float = Field(gt=0, le=60)


def main() -> None:
    """One request, one answer."""
    # Not the address space: threads reserve much of that and use little, the more the host has processors.
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Drivers log what they are not asked for, addresses with passwords among it.
    logging.disable()
    request = Request.model_validate_json(sys.stdin.buffer.read())
    tried = asyncio.run(
        try_connection(request.connection, reach=request.reach, timeout_secs=request.timeout_secs)
    )
    sys.stdout.buffer.write(dumps({"success": tried.success, "message": tried.message}))


if __name__ == "__main__":
    main()
