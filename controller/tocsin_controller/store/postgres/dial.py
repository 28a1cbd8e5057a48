"""Opens PostgreSQL connections: which host, which session settings, which codecs."""

import asyncio
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import asyncpg
import orjson

from tocsin_controller.store.postgres.outage import guarded, is_outage
from tocsin_shared.errors import Unavailable

Examine: TypeAlias = Callable[[asyncpg.Connection], Awaitable[None]]
"""Looks at a new connection; raises Unavailable when that server must not be used."""

# A controller that froze in the middle of a transaction holds due jobs. They may be late by this and one look of
# the others, which together is at most the 5 s that losing a controller may cost.
IDLE_IN_TRANSACTION_SECS: Final = 3
# A statement that the server did not end itself by then never will: the way to it is broken.
CLIENT_GRACE_SECS: Final = 1.5
# Of several hosts the one that was used last is asked first, and it may be frozen: the others are asked this soon.
BRISK_CONNECT_SECS: Final = 1.0


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What every connection of one process starts with."""

    application_name: str
    statement_timeout_secs: float = 30.0  # 0: no limit, as in PostgreSQL; also below
    lock_timeout_secs: float = 5.0
    connect_timeout_secs: float = 3.0  # per host

    @property
    def client_timeout_secs(self) -> float | None:
        """When the client gives a statement up; None for no limit, as with statement_timeout_secs=0."""
        return self.statement_timeout_secs + CLIENT_GRACE_SECS if self.statement_timeout_secs else None

    def for_server(self) -> dict[str, str]:
        """As startup parameters: no round trip, and they are what RESET falls back to."""
        return {
            "application_name": self.application_name,
            "timezone": "UTC",
            "statement_timeout": _millis(self.statement_timeout_secs),
            "lock_timeout": _millis(self.lock_timeout_secs),
            "idle_in_transaction_session_timeout": _millis(IDLE_IN_TRANSACTION_SECS),
        }


class Dialer:
    """Opens connections to one database, which may live on several hosts.

    asyncpg tries several hosts too, but under one timeout for all of them: a first host that swallows packets
    (power cut) would use it up and the second would never be asked. Here each host has its own, and
    the host that answered last is asked first.
    """

    def __init__(self, dsn: str, settings: SessionSettings, examine: Examine | None = None) -> None:
        self._settings = settings
        self._examine = examine
        self._dsns = one_dsn_per_host(dsn)
        self.silences = 0
        """How often the server said nothing at all; connections from before a silence lead to that server."""

    def note_silence(self) -> None:
        """A statement ran into the client's own limit: the server, or the way to it, is frozen."""
        self.silences += 1

    def patient(self, statement_timeout_secs: float) -> "Dialer":
        """The same database for work that takes long."""
        settings = replace(self._settings, statement_timeout_secs=statement_timeout_secs)
        patient = Dialer("", settings, self._examine)
        patient._dsns = self._dsns
        return patient

    async def dial(self, **server_settings: str) -> asyncpg.Connection:
        """A new connection that the caller owns; `server_settings` go on top. Raises Unavailable."""
        return await guarded(self.dial_untranslated, **server_settings)

    async def dial_untranslated(self, **server_settings: str) -> asyncpg.Connection:
        """As `dial`, with the driver's own errors (the pool wants those)."""
        patience_secs = self._settings.connect_timeout_secs
        if len(self._dsns) > 1 and patience_secs > BRISK_CONNECT_SECS:
            try:
                return await self._dial_any(server_settings, BRISK_CONNECT_SECS)
            except (OSError, Unavailable):  # TimeoutError is one too: perhaps all of them are merely slow
                pass
        return await self._dial_any(server_settings, patience_secs)

    async def _dial_any(self, server_settings: dict[str, str], patience_secs: float) -> asyncpg.Connection:
        """The first host that lets itself be used, each given so long."""
        for attempt, dsn in enumerate(self._dsns, start=1):
            try:
                connection = await self._connect(dsn, server_settings, patience_secs)
            except Exception as error:
                if not (is_outage(error) or isinstance(error, Unavailable)) or attempt == len(self._dsns):
                    raise
            else:
                self._dsns = [dsn, *(other for other in self._dsns if other != dsn)]
                return connection
        raise AssertionError("a DSN has at least one host")

    async def _connect(
        self, dsn: str, server_settings: dict[str, str], patience_secs: float
    ) -> asyncpg.Connection:
        settings = self._settings
        async with asyncio.timeout(patience_secs):
            connection = await asyncpg.connect(
                dsn,
                timeout=None,
                command_timeout=settings.client_timeout_secs,
                statement_cache_size=500,
                server_settings=settings.for_server() | server_settings,
            )
            try:
                await _prepare(connection)
                if self._examine is not None:
                    await self._examine(connection)
            except BaseException:
                connection.terminate()
                raise
            return connection


def one_dsn_per_host(dsn: str) -> list[str]:
    """`//a:1,b:2/db` and `///db?host=a,b&port=1,2` as one DSN per host, in the given order.

    libpq's `connect_timeout` is dropped: asyncpg would send it to the server, which refuses it.
    """
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query.pop("connect_timeout", None)
    login, at, hosts = parts.netloc.rpartition("@")
    if hosts:
        return [_unsplit(parts, login + at + host, query) for host in hosts.split(",")]
    names, ports = query.get("host", "").split(","), query.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        raise ValueError(f"the DSN names {len(names)} hosts and {len(ports)} ports")
    return [
        _unsplit(parts, parts.netloc, query | _host_and_port(name, port))
        for name, port in zip(names, ports, strict=True)
    ]


def _unsplit(parts: SplitResult, netloc: str, query: dict[str, str]) -> str:
    """As urlunsplit, which would drop the slashes of an empty host."""
    return f"{parts.scheme}://{netloc}{parts.path}" + (f"?{urlencode(query)}" if query else "")


def _host_and_port(name: str, port: str) -> dict[str, str]:
    return ({"host": name} if name else {}) | ({"port": port} if port else {})


async def _prepare(connection: asyncpg.Connection) -> None:
    _notice_a_dead_peer(connection)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + orjson.dumps(value, default=_plain)


def _decode_jsonb(data: bytes) -> Any:
    return orjson.loads(memoryview(data)[1:])


def _plain(value: Any) -> str:
    if isinstance(value, uuid.UUID):  # asyncpg's own subclass, which orjson does not know
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _notice_a_dead_peer(connection: asyncpg.Connection) -> None:
    """Give up on a host that stops acknowledging (power cut, cable) after 10 s, not after 15 minutes."""
    peer: socket.socket | None = connection._transport.get_extra_info("socket")  # asyncpg has no public way
    if peer is not None and peer.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)


def _millis(secs: float) -> str:
    return str(round(secs * 1000))
