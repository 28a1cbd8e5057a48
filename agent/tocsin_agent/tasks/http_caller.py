"""HTTP for one execution: only where the policy allows, and with a connection's credentials only to its own origin.

Redirects are followed here and not by the client, which knows some headers that are credentials, but not all of them.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from yarl import URL

from tocsin_agent.network import AddressRefused, GuardedConnector
from tocsin_agent.tasks.driving import TaskFailed, could_not_connect
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.configs import HttpConfig
from tocsin_shared.executions import Reason
from tocsin_shared.network import Reach

MOST_REDIRECTS: Final = 10
#: Never taken along to another origin, whoever set them.
_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Caller:
    """Use as `async with`. A session of its own: no cookie or connection goes from one job to the next."""

    def __init__(self, reach: Reach, config: HttpConfig | None) -> None:
        self._reach = reach
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._tls: SSLContext | bool = True

    async def __aenter__(self) -> Self:
        config = self._config
        if config is not None:
            if config.tls and _origin(config.base_url)[0] == "http":
                raise TaskFailed(
                    Reason.BAD_CONNECTION, "The connection wants TLS, but its base_url begins with http://."
                )
            if config.names_certificates or not config.tls_verify:
                self._tls = await asyncio.to_thread(context_of, config)
        # trust_env is off so that neither proxy settings nor ~/.netrc of the agent's account leak into somebody's job.
        self._session = aiohttp.ClientSession(
            connector=GuardedConnector(self._reach),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The final answer, redirects followed. Raises TaskFailed, also for what fails while it is read."""
        where = url_of(url, self._config)
        try:
            answer = await self._follow(method.upper(), where, dict(headers or {}), body)
            async with answer:
                yield answer
        except AddressRefused as error:
            raise TaskFailed(Reason.ADDRESS_REFUSED, str(error)) from None
        except aiohttp.ClientConnectorError as error:
            raise could_not_connect(f"{error.host}:{error.port}", error.os_error) from None
        except aiohttp.InvalidURL as error:
            raise TaskFailed(Reason.HTTP_ERROR, "The address is no URL.", error.description or "") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise TaskFailed(Reason.HTTP_ERROR, "The request failed.", error) from None

    async def _follow(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        assert self._session is not None  # noqa: S101  __aenter__ came before
        home = _origin(self._config.base_url if self._config else url)
        own = credentials_of(self._config)
        headers = {name: value for name, value in headers.items() if name.lower() not in own}
        is_home = True
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._session.request(
                method,
                url,
                headers=headers | dict(own.values()) if is_home else headers,
                data=body,
                allow_redirects=False,
                ssl=self._tls if is_home else True,
            )
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            answer.close()
            url = _next_url(answer.url, location)
            if _origin(url) != home:
                # Once away it stays away: what another server has asked for is not asked with these credentials.
                is_home = False
                headers = {name: value for name, value in headers.items() if name.lower() not in _CREDENTIALS}
            if (answer.status == 303 and method != "HEAD") or (
                answer.status in (301, 302) and method == "POST"
            ):
                method, body = "GET", None
                headers = {n: v for n, v in headers.items() if not n.lower().startswith("content-")}
        raise TaskFailed(Reason.HTTP_ERROR, f"More than {MOST_REDIRECTS} redirects.")


def url_of(url: str, config: HttpConfig | None) -> str:
    """What to call: the task's URL, or the connection's base_url with the task's path. Raises TaskFailed."""
    if config is None:
        return url
    if url.startswith("/") or not url:
        base, more = urlsplit(config.base_url), urlsplit(f"http://x{url}")
        query = "&".join(filter(None, (base.query, more.query)))
        return urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + more.path, query, ""))
    if _origin(url) != _origin(config.base_url):
        message = (
            f"The task's address is {_shown(url)}, but its connection is for {_shown(config.base_url)}: "
            "its credentials do not go elsewhere."
        )
        raise TaskFailed(Reason.BAD_CONNECTION, message)
    return url


def credentials_of(config: HttpConfig | None) -> dict[str, tuple[str, str]]:
    """The header that speaks for a connection, by its name in lower case. Raises TaskFailed."""
    match config.auth_type if config else "none":
        case "bearer" if config and config.token:
            name, value = "Authorization", f"Bearer {config.token}"
        case "basic" if config and config.username is not None:
            pair = f"{config.username}:{config.password or ''}".encode()
            name, value = "Authorization", f"Basic {b64encode(pair).decode()}"
        case "header" if config and config.header_value:
            name, value = config.header_name, config.header_value
        case "none":
            return {}
        case kind:
            raise TaskFailed(
                Reason.BAD_CONNECTION,
                f"The connection's auth_type is '{kind}', but what it needs is missing.",
            )
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise TaskFailed(Reason.BAD_CONNECTION, "The connection's credentials hold control characters.")
    return {name.lower(): (name, value)}


def _next_url(here: URL, location: str) -> str:
    try:
        there = here.join(URL(location))
        if there.scheme in ("http", "https") and there.host:
            return str(there)
    except ValueError:
        pass
    raise TaskFailed(Reason.HTTP_ERROR, "The server redirects to what is no HTTP address.")


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = URL(url)
        return parts.scheme, (parts.host or "").rstrip("."), parts.port
    except ValueError:
        raise TaskFailed(Reason.HTTP_ERROR, "The address is no URL.") from None


def _shown(url: str) -> str:
    scheme, host, port = _origin(url)
    return f"{scheme}://{host}:{port}"
