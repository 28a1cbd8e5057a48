"""FTP, and FTPS: TLS that is asked for on the usual port (AUTH TLS), or from the first byte on port 990."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

import aioftp
from aioftp.common import SSLSessionBoundContext

from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, driver_failed, login_refused, one_line
from tocsin_agent.tasks.tls import context_of
from tocsin_agent.tasks.transfer.remote import CannotResume, RemoteFile
from tocsin_agent.tasks.transfer.telling import telling
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.connections.configs import FtpConfig
from tocsin_shared.executions import Reason
from tocsin_shared.tasks import FtpTask

IMPLICIT_TLS_PORT: Final = 990
CONNECT_SECS: Final = 30.0
#: The server answers a command within this time.
_ANSWER_SECS: Final = 60.0
#: Or so much later, when it was sent a file.
_DONE_SECS: Final = 600.0
_ALIVE_SECS: Final = 30
#: After a transfer that was cut off, the server gets so long to say what it thinks of that.
_SETTLE_SECS: Final = 2.0
_READ_BYTES: Final = 256 * 1024

#: What goes wrong with a server: its answers, the network, TLS.
_ERRORS: Final = (aioftp.AIOFTPException, OSError, EOFError, TimeoutError, ValueError)


@dataclass(frozen=True, slots=True)
class FtpLogin:
    """Where, and as whom."""

    host: str
    port: int
    username: str = "anonymous"
    password: str = field(default="anonymous@", repr=False)
    #: None speaks without TLS.
    tls: TlsConfig | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


def login_of(config: FtpConfig) -> FtpLogin:
    """What a connection says by itself."""
    login = FtpLogin(config.host, config.port or FtpConfig.default_port or 21)
    if config.username:
        login = replace(login, username=config.username, password=config.password or "")
    return replace(login, tls=config) if config.tls else login


def ftp_login(config: FtpConfig | None, task: FtpTask) -> FtpLogin:
    """What a connection says goes before what the task says, but neither can take TLS away. Raises TaskFailed."""
    host = config.host if config else task.host
    if not host:
        raise TaskFailed(Reason.BAD_CONNECTION, "Neither the task nor a connection names a host.")
    login = FtpLogin(host, (config and config.port) or task.port or FtpConfig.default_port or 21)
    username = (config and config.username) or task.username
    if username:
        password = (config and config.password) or task.password or ""
        login = replace(login, username=username, password=password)
    if task.protocol == "ftps" or (config and config.tls):
        login = replace(login, tls=config or TlsConfig())
    return login


@asynccontextmanager
async def ftp_connected(login: FtpLogin) -> AsyncIterator["FtpRemote"]:
    """A server that has taken the login. Raises TaskFailed."""
    context = None if login.tls is None else await asyncio.to_thread(context_of, login.tls)
    client = _Client(login, context)
    try:
        try:
            async with asyncio.timeout(CONNECT_SECS):
                await _connect(client, login)
                await _log_in(client, login)
        except TimeoutError:
            raise could_not_connect(login.name, f"no answer within {CONNECT_SECS:g} s") from None
        yield FtpRemote(login.name, client)
    finally:
        if client.is_open:
            with suppress(*_ERRORS):
                await asyncio.wait_for(client.command("QUIT", "2xx"), 1)
        client.close()


async def _connect(client: "_Client", login: FtpLogin) -> None:
    try:
        await client.connect(login.host, login.port)
        if client.security is not None and client.ssl is None:
            await client.secure(client.security)
        if client.security is not None:
            await client.command("PBSZ 0", "200")
            await client.command("PROT P", "200")
    except aioftp.StatusCodeError as error:
        raise could_not_connect(login.name, _answer(error)) from None
    except ssl.SSLCertVerificationError as error:
        raise could_not_connect(
            login.name, f"its certificate is not trusted: {error.verify_message}"
        ) from None
    except (OSError, EOFError, ValueError) as error:
        raise could_not_connect(login.name, error) from None


async def _log_in(client: "_Client", login: FtpLogin) -> None:
    try:
        await client.login(login.username, login.password)
    except aioftp.StatusCodeError as error:
        raise login_refused(login.name, _answer(error)) from None
    except aioftp.errors.InvalidCommand:
        raise login_refused(login.name, "username or password holds a line break") from None
    except (OSError, EOFError, ValueError) as error:
        raise could_not_connect(login.name, error) from None


class _Client(aioftp.Client):
    """aioftp's, but for how connections are opened and encrypted."""

    def __init__(self, login: FtpLogin, context: ssl.SSLContext | None) -> None:
        super().__init__(
            ssl=context if login.port == IMPLICIT_TLS_PORT else None, socket_timeout=_ANSWER_SECS
        )
        self.security = context
        self._host = login.host

    async def secure(self, context: ssl.SSLContext) -> None:
        """From here on all is encrypted, what is transferred as well."""
        await self.command("AUTH TLS", "234")
        # Whoever sits in between could have sent answers ahead, which would be taken as the server's after the
        # handshake; the reader offers no other way to see that something waits.
        if self.stream.reader._buffer:  # type: ignore[attr-defined]  # no public way to see it
            raise ConnectionError("it sent more than an answer to AUTH TLS")
        await self.stream.start_tls(context, self._host)

    @property
    def is_open(self) -> bool:
        """Whether there is anybody to speak to."""
        return self._stream is not None and not self._stream.writer.is_closing()

    async def opened(self, command: str, offset: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection over which the server transfers what the command says. Raises CannotResume."""
        reader, writer = await self.get_passive_connection("I")
        is_under_way = False
        try:
            if offset:
                try:
                    await self.command(f"REST {offset}", "350")
                except aioftp.StatusCodeError:
                    raise CannotResume from None
            await self.command(command, "1xx")
            is_under_way = True
            secured = self.stream.writer.get_extra_info("ssl_object")
            if secured is not None:
                # Only now: there are servers that begin with TLS when they begin with the transfer. And many take one
                # only in the TLS session that they know.
                context = SSLSessionBoundContext(
                    ssl.PROTOCOL_TLS_CLIENT, context=secured.context, session=secured.session
                )
                await writer.start_tls(context, server_hostname=self._host)
        except BaseException as error:
            writer.close()
            why = await self.complaint() if is_under_way else ""
            if why and isinstance(error, OSError):
                raise ConnectionError(f"{one_line(error)}; the server says: {why}") from None
            raise
        return reader, writer

    async def _open_connection(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._stream is None and self.ssl:
            reader, writer = await asyncio.open_connection(
                host, port, ssl=self.ssl, server_hostname=self._host
            )
        else:
            reader, writer = await asyncio.open_connection(host, port)
        # While a large file moves, nothing is said for hours; routers forget connections that are silent.
        opened = writer.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ALIVE_SECS)
        return reader, writer

    async def complaint(self) -> str:
        """What the server says of a transfer that broke off; asked for also lest it be taken for a later answer."""
        with suppress(*_ERRORS):
            async with asyncio.timeout(_SETTLE_SECS):
                code, info = await self.command(None, ("2xx", "4xx", "5xx"))
            if not code.matches("2xx"):
                return " ".join([code, *(line.strip(" -") for line in info)])
        return ""

    async def transferred(self) -> None:
        """Wait until the server says that it has, or has sent, all; much may be on its way still."""
        self.stream.read_timeout = _DONE_SECS
        try:
            await self.command(None, "2xx", "1xx")
        finally:
            self.stream.read_timeout = _ANSWER_SECS


class FtpRemote:
    """See `remote.Remote`."""

    writes_in_order = True

    def __init__(self, name: str, client: _Client) -> None:
        self.name = name
        self._client = client

    async def look(self, path: str) -> RemoteFile | None:
        """Nothing is known of a file whose server knows neither SIZE nor MDTM; reading it will tell."""
        with _telling(f"Looking at {path} on {self.name}"):
            await self._client.command("TYPE I", "200")
            size = await self._ask(f"SIZE {path}")
            version = await self._ask(f"MDTM {path}")
        return RemoteFile(int(size) if size and size.isdigit() else None, version)

    @asynccontextmanager
    async def reading(self, path: str, offset: int) -> AsyncIterator["_Stream"]:
        """RETR."""
        async with self._transfer(f"Reading {path} from {self.name}", f"RETR {path}", offset) as stream:
            yield stream

    @asynccontextmanager
    async def writing(self, path: str, offset: int) -> AsyncIterator["_Stream"]:
        """STOR."""
        async with self._transfer(f"Writing {path} to {self.name}", f"STOR {path}", offset) as stream:
            yield stream

    async def rename(self, path: str, to: str) -> None:
        """RNFR and RNTO. Nearly all servers replace what has the name; others refuse, and nothing is lost."""
        with _telling(f"Renaming {path} to {to} on {self.name}"):
            await self._client.rename(path, to)

    async def remove(self, path: str) -> None:
        """DELE."""
        with _telling(f"Removing {path} from {self.name}"):
            await self._client.command(f"DELE {path}", "2xx")

    async def _ask(self, command: str) -> str | None:
        try:
            _, info = await self._client.command(command, "213")
        except aioftp.StatusCodeError:
            return None
        return info[-1].strip()

    @asynccontextmanager
    async def _transfer(self, doing: str, command: str, offset: int) -> AsyncIterator["_Stream"]:
        with _telling(doing):
            reader, writer = await self._client.opened(command, offset)
        try:
            yield _Stream(reader, writer, doing)
        except BaseException as error:
            writer.close()
            why = await self._client.complaint()
            if why and isinstance(error, TaskFailed) and error.reason is Reason.DRIVER_ERROR:
                raise driver_failed(doing, f"{error.detail}; the server says: {why}") from None
            raise
        with _telling(doing):
            writer.close()
            await self._client.transferred()


class _Stream:
    """A file on its way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doing: str) -> None:
        self._reader = reader
        self._writer = writer
        self._doing = doing

    async def read(self) -> bytes:
        """The next piece; empty at the end."""
        with _telling(self._doing):
            return await self._reader.read(_READ_BYTES)

    async def write(self, data: bytes) -> None:
        """The next piece."""
        with _telling(self._doing):
            self._writer.write(data)
            await self._writer.drain()


def _telling(doing: str) -> AbstractContextManager[None]:
    return telling(doing, _why)


def _why(error: Exception) -> object | None:
    match error:
        case aioftp.StatusCodeError():
            return _answer(error)
        case aioftp.errors.InvalidCommand():
            return "a path for FTP can't hold a line break"
        case TimeoutError():
            return "the server gave no answer in time"
        case ConnectionError() | EOFError():
            return f"the connection was lost: {one_line(error)}"
        case OSError() | ValueError() | aioftp.AIOFTPException():
            return error
    return None


def _answer(error: aioftp.StatusCodeError) -> str:
    """The server's own words."""
    codes = error.received_codes
    lines = [error.info] if isinstance(error.info, str) else error.info
    return " ".join([str(codes[-1]) if codes else "", *(line.strip(" -") for line in lines)])
