"""Mail servers: says hello, and logs in. Sends nothing."""

import ssl
from contextlib import suppress

import aiosmtplib

from tocsin_agent.tasks.driving import could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.configs import SmtpConfig
from tocsin_shared.network import Reach


async def probe(config: SmtpConfig, _reach: Reach) -> str:
    """`tls` true: TLS from the beginning; absent: STARTTLS when it is offered. Raises TaskFailed."""
    port = config.port or (465 if config.tls else 587)
    what = f"mail server at {config.host}:{port}"
    client = aiosmtplib.SMTP(
        hostname=config.host,
        port=port,
        use_tls=config.tls is True,
        start_tls=None if config.tls is None else False,
        tls_context=None if config.tls is False else context_of(config),
    )
    try:
        try:
            await client.connect()
        except (OSError, ssl.SSLError, aiosmtplib.SMTPException) as error:
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
        with suppress(Exception):
            await client.quit()
    finally:
        client.close()
    done = "Logged in to" if config.username is not None else "Connected to"
    return f"{done} the {what}."
