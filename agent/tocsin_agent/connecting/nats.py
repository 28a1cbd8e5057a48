"""NATS: logs in, and waits until the server has answered."""

import ssl
from typing import Any
from urllib.parse import urlsplit

import nats
from nats.errors import AuthorizationError, Error, NoServersError

from tocsin_agent.connecting.base import speaks_tls
from tocsin_agent.tasks.driving import could_not_connect, login_refused
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.configs import NatsConfig
from tocsin_shared.network import Reach


async def probe(config: NatsConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    servers = [one.strip() for one in config.url.split(",") if one.strip()]
    what = f"NATS at {', '.join(urlsplit(one).netloc.rpartition('@')[2] for one in servers)}"
    met: list[Exception] = []

    async def note(error: Exception) -> None:
        met.append(error)

    options: dict[str, Any] = {"user": config.username, "password": config.password, "token": config.token}
    options = {name: value for name, value in options.items() if value is not None}
    if speaks_tls(config, by_address=any(one.lower().startswith("tls:") for one in servers)):
        options["tls"] = context_of(config)
    try:
        client = await nats.connect(
            servers,
            error_cb=note,
            allow_reconnect=False,
            connect_timeout=8,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.1,
            **options,
        )
        await client.flush()
        await client.close()
    except (OSError, ssl.SSLError, Error, TimeoutError) as error:
        causes = [error, *met]
        if any(isinstance(one, AuthorizationError) or "authorization" in str(one).lower() for one in causes):
            raise login_refused(what, "authorization violation") from None
        told = met[-1] if met and isinstance(error, NoServersError) else error
        raise could_not_connect(what, told) from None
    return f"Logged in to {what}."
