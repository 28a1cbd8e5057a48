"""HTTP APIs: asks for the head of the base address, with the credentials."""

import ssl

import aiohttp

from tocsin_agent.network import AddressRefused, GuardedConnector
from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, login_refused
from tocsin_agent.tasks.http_caller import credentials_of
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.configs import HttpConfig
from tocsin_shared.executions import Reason
from tocsin_shared.network import Reach

#: What servers say that have no HEAD.
_NO_HEAD = frozenset({405, 501})


async def probe(config: HttpConfig, reach: Reach) -> str:
    """Any answer of 2xx or 3xx will do; redirects are not followed. Raises TaskFailed."""
    status = await _ask("HEAD", config, reach)
    if status in _NO_HEAD:
        status = await _ask("GET", config, reach)
    if status in (401, 403):
        raise login_refused(config.base_url, f"it answered {status}")
    if not 200 <= status < 400:
        raise TaskFailed(Reason.HTTP_STATUS, f"{config.base_url} answered {status}.")
    return f"{config.base_url} answered {status}."


async def _ask(method: str, config: HttpConfig, reach: Reach) -> int:
    try:
        async with (
            aiohttp.ClientSession(
                connector=GuardedConnector(reach), trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.request(
                method,
                config.base_url,
                headers=dict(credentials_of(config).values()),
                allow_redirects=False,
                ssl=context_of(config) if config.base_url.lower().startswith("https:") else True,
            ) as response,
        ):
            return response.status
    except AddressRefused as error:
        raise TaskFailed(Reason.ADDRESS_REFUSED, str(error)) from None
    except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:
        raise could_not_connect(config.base_url, error) from None
