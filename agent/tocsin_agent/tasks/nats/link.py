"""A connection to one of several NATS servers: credentials, TLS, and what went wrong on the way."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from aiohttp import ClientError
from nats.aio.client import Client
from nats.errors import Error, SecureConnWantedError

from tocsin_agent.tasks.driving import could_not_connect, login_refused
from tocsin_agent.tasks.tls import context_of, tls_of
from tocsin_shared.connections.configs import NatsConfig
from tocsin_shared.tasks import NatsTask

#: How long one server may take for each step of the greeting; then the next is asked.
_CONNECT_SECS = 10
#: A server may take so long to be left.
_CLOSE_SECS = 3.0
#: After a failed greeting the driver closes the socket at once, and then waits for an end that may never come.
_ABANDON_SECS = 0.1


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are, and as whom to speak to them."""

    #: They may hold credentials.
    urls: list[str] = field(repr=False)
    #: None: TLS only where the server insists, as a browser would.
    tls: ssl.SSLContext | None
    #: Said apart from the URLs; they go before what stands in there.
    credentials: dict[str, str] = field(repr=False)

    @property
    def tells_who(self) -> bool:
        """Whether there are credentials, wherever they stand."""
        return bool(self.credentials) or _hold_credentials(self.urls)


class Link(Client):
    """A client that does not come back once its server is lost, and remembers what went wrong."""

    def __init__(self, *, wants_tls: bool) -> None:
        super().__init__()
        self._wants_tls = wants_tls
        self._is_up = False
        #: `host:port` of the server that was greeted.
        self.address = ""
        #: What the server complained of since the greeting.
        self.complaints: list[Exception] = []
        self.is_lost = asyncio.Event()
        self.has_complained = asyncio.Event()

    async def open(self, url: str, servers: Servers) -> None:
        """Greet a server. Raises what went wrong, whatever the driver raises."""
        self.address = _address(url)
        bare, credentials = _parted(url)
        await self.connect(
            bare,
            name="tocsin",
            tls=servers.tls,
            allow_reconnect=False,
            connect_timeout=_CONNECT_SECS,
            error_cb=self._on_error,
            disconnected_cb=self._on_lost,
            closed_cb=self._on_lost,
            **(servers.credentials or credentials),  # type: ignore[arg-type]  # all of them are text
        )
        self._is_up = True

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """What the server says of itself, before it is told any credentials."""
        if self._wants_tls and not info.get("tls_required"):
            if not info.get("tls_available"):
                # The driver would go on in the clear.
                raise SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    async def _on_error(self, error: Exception) -> None:
        if not self._is_up:
            # Else the driver would try again, and say in the end that there are no servers.
            raise error
        self.complaints.append(error)
        self.has_complained.set()

    async def _on_lost(self) -> None:
        self.is_lost.set()


async def servers_of(task: NatsTask | None, config: NatsConfig | None) -> Servers:
    """What the connection says, and where it says nothing, the task. Raises TaskFailed."""
    given = config or NatsConfig(url=task.url if task else "")
    urls = [url.strip() for url in given.url.split(",") if url.strip()]
    credentials = _credentials(task, config, urls)
    tls = tls_of(given, by_address=any(urlsplit(url).scheme in ("tls", "wss") for url in urls))
    return Servers(urls, await asyncio.to_thread(context_of, tls) if tls else None, credentials)


@asynccontextmanager
async def linked(servers: Servers) -> AsyncIterator[Link]:
    """Linked to the first server that answers. Raises TaskFailed."""
    failed: list[str] = []
    for url in servers.urls:
        link = Link(wants_tls=servers.tls is not None)
        close_secs = _ABANDON_SECS
        try:
            try:
                await link.open(url, servers)
            except (OSError, Error, ClientError, ValueError) as error:
                failed.append(_judged(url, error))
                continue
            close_secs = _CLOSE_SECS
            yield link
            return
        finally:
            await _close(link, close_secs)
    raise could_not_connect("NATS", "; ".join(failed))


def _judged(url: str, error: Exception) -> str:
    """What is wrong with a server. Raises TaskFailed if the others will say the same."""
    name = _address(url)
    text = str(error) or type(error).__name__
    if "authorization" in text.lower() or "authentication" in text.lower():
        raise login_refused(f"NATS at {name}", error) from None
    if isinstance(error, SecureConnWantedError):
        text = "this server does not speak TLS"
    elif isinstance(error, TimeoutError):
        text = f"no answer within {_CONNECT_SECS} s"
    return f"{name}: {text}"


def _credentials(task: NatsTask | None, config: NatsConfig | None, urls: list[str]) -> dict[str, str]:
    """As the driver takes them; none when they stand in the URLs."""
    if config is not None and config.token is not None:
        return {"token": config.token}
    if config is not None and config.username is not None:
        return {"user": config.username, "password": config.password or ""}
    if task is None or task.username is None or (config is not None and _hold_credentials(urls)):
        return {}
    return {"user": task.username, "password": task.password or ""}


def _parted(url: str) -> tuple[str, dict[str, str]]:
    """A URL without its credentials, and these decoded, which the driver would not do."""
    parts = urlsplit(url)
    userinfo, at, server = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    user, colon, password = (unquote(part) for part in userinfo.partition(":"))
    said = {"user": user, "password": password} if colon else {"token": user}
    return urlunsplit(parts._replace(netloc=server)), said


def _hold_credentials(urls: list[str]) -> bool:
    return any("@" in urlsplit(url).netloc for url in urls)


def _address(url: str) -> str:
    """`host:port`, without credentials."""
    where = urlsplit(url if "://" in url else f"nats://{url}")
    try:
        return f"{where.hostname}:{where.port or 4222}"
    except ValueError:  # no port at all
        return where.netloc.rpartition("@")[2]


async def _close(link: Link, within_secs: float) -> None:
    if link._transport is None:
        return  # it never came so far; the driver asserts that it did
    with suppress(OSError, Error, ClientError, TimeoutError):
        async with asyncio.timeout(within_secs):
            await link.close()
