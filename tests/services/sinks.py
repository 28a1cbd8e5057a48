"""Servers that take whatever is sent to them and keep it: mails, and web requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.net import free_port

#: A stalled machine takes its time.
PATIENCE_SECS = 30


async def eventually(is_so: Callable[[], bool]) -> None:
    """Raises TimeoutError when it does not become so."""
    async with asyncio.timeout(PATIENCE_SECS):
        while not is_so():
            await asyncio.sleep(0.02)


@dataclass
class MailSink:
    """Mails that came, each with whom it was for."""

    port: int
    password: str | None = None
    #: Says to this address what it is told, and takes nothing.
    refusals: dict[str, str | bytes] = field(default_factory=dict)
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    #: Whether each came encrypted.
    encrypted: list[bool] = field(default_factory=list)
    calls: int = 0
    #: Says nothing when it is told goodbye.
    ignores_quit: bool = False

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  as below
        if self.ignores_quit:
            await asyncio.sleep(PATIENCE_SECS)
        return "221 Bye"

    async def handle_RCPT(  # noqa: N802  as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str | bytes:
        self.calls += 1
        if (said := self.refusals.get(address)) is not None:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        assert isinstance(envelope.content, bytes)
        self.mails.append(
            (list(envelope.rcpt_tos), message_from_bytes(envelope.content, policy=policy.default))
        )
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: Any
    ) -> AuthResult:
        is_right = (
            isinstance(auth_data, LoginPassword) and auth_data.password == (self.password or "").encode()
        )
        return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def mail_sink(password: str | None = None, tls: SSLContext | None = None) -> AsyncIterator[MailSink]:
    """On 127.0.0.1. With a password nobody may send without it; with `tls` it offers STARTTLS."""
    sink = MailSink(free_port(), password)

    def new() -> SMTP:
        return SMTP(
            sink,
            hostname="sink",
            authenticator=sink.authenticate if password else None,
            auth_required=password is not None,
            auth_require_tls=False,
            tls_context=tls,
        )

    server = await asyncio.get_running_loop().create_server(new, "127.0.0.1", sink.port)
    try:
        yield sink
    finally:
        server.close()


@dataclass
class WebSink:
    """Requests that came."""

    url: str
    #: Answered in turn; the last one stays.
    statuses: list[int]
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((request, await request.read()))
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


@asynccontextmanager
async def web_sink(*statuses: int) -> AsyncIterator[WebSink]:
    """On 127.0.0.1; answers 204, unless it is told what to answer."""
    port = free_port()
    sink = WebSink(f"http://127.0.0.1:{port}/hook", list(statuses) or [204])
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", sink.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield sink
    finally:
        await runner.cleanup()
