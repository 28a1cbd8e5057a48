"""Mail servers: connects, says hello, and logs in."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiosmtplib

from tocsin_agent.network import permitted_addresses
from tocsin_agent.tasks.driving import could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.configs import SmtpConfig
from tocsin_shared.network import Reach

#: What a server has for each of its answers.
ANSWER_SECS = 30.0


async def probe(config: SmtpConfig, reach: Reach) -> str:
    """Sends nothing. Raises TaskFailed."""
    async with logged_in(config, reach):
        done = "Logged in to" if config.username is not None else "Connected to"
        return f"{done} the {server_of(config)}."


@asynccontextmanager
async def logged_in(
    config: SmtpConfig, reach: Reach, *, must_upgrade: bool = False
) -> AsyncIterator[aiosmtplib.SMTP]:
    """A server that takes mails now.

    `tls` true: TLS from the beginning; absent: STARTTLS when it is offered, or, with `must_upgrade`, always.
    Raises TaskFailed, AddressRefused.
    """
    what = server_of(config)
    starts_tls = (True if must_upgrade else None) if config.tls is None else False
    tls_context = None if config.tls is False else await asyncio.to_thread(context_of, config)
    try:
        connected = await _connect(reach, config.host, _port(config))
    except (OSError, UnicodeError) as error:
        raise could_not_connect(what, error) from None
    client = aiosmtplib.SMTP(
        hostname=config.host,
        sock=connected,
        local_hostname=socket.gethostname() or "localhost",
        timeout=ANSWER_SECS,
        use_tls=config.tls is True,
        start_tls=starts_tls,
        tls_context=tls_context,
    )
    try:
        try:
            await client.connect()
        except (OSError, ssl.SSLError, aiosmtplib.SMTPException) as error:
            connected.close()
            raise could_not_connect(what, error) from None
        try:
            if config.username is not None:
                await client.login(config.username, config.password or "")
            else:
                await client.ehlo()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise login_refused(what, error) from None
        except (OSError, aiosmtplib.SMTPException) as error:
            raise driver_failed(f"Logging in to the {what}", error) from None
        yield client
        _say_goodbye(client)
    except BaseException:
        if isinstance(client.transport, asyncio.WriteTransport):
            client.transport.abort()  # closing in good order waits until all is written
        raise
    finally:
        client.close()


def _say_goodbye(client: aiosmtplib.SMTP) -> None:
    """Waits for no answer: whatever it is, what was to be done is done."""
    with suppress(aiosmtplib.SMTPException):
        if client.protocol is not None:
            client.protocol.write(b"QUIT\r\n")


def server_of(config: SmtpConfig) -> str:
    """What errors call it."""
    return f"mail server at {config.host}:{_port(config)}"


def _port(config: SmtpConfig) -> int:
    return config.port or (465 if config.tls else 587)


async def _connect(reach: Reach, host: str, port: int) -> socket.socket:
    """To an address that was checked, not to the name. Raises OSError, AddressRefused."""
    found = await asyncio.to_thread(permitted_addresses, reach, host, port)
    error = OSError("it has no address")
    for family, kind, proto, _, address in found:
        one = socket.socket(family, kind, proto)
        try:
            one.setblocking(False)
            async with asyncio.timeout(ANSWER_SECS):
                await asyncio.get_running_loop().sock_connect(one, address)
        except BaseException as problem:
            one.close()
            if not isinstance(problem, OSError):
                raise
            error = problem
        else:
            return one
    raise error
