"""HTTP connections under a network policy.

A name is looked up once for each connection, and what was checked is what is connected to: a name server that answers
differently the second time gains nothing. Every redirect's connection comes through here as well. Hosts that are
addresses already are not looked up, so the socket is checked too.
"""

import socket
from collections.abc import Sequence
from ssl import SSLContext

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from tocsin_agent.network.resolving import AddressRefused, address_of
from tocsin_shared.network import Address, Reach


class GuardedConnector(aiohttp.TCPConnector):
    """Connects where `reach` lets it. Otherwise the request raises AddressRefused."""

    def __init__(
        self,
        reach: Reach,
        *,
        ssl: SSLContext | bool = True,
        limit: int = 100,
        force_close: bool = False,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`resolver` finds the addresses; they are checked whatever it says."""
        guarded = _GuardedResolver(reach, resolver or aiohttp.ThreadedResolver())

        def checked_socket(info: AddrInfoType) -> socket.socket:
            family, kind, proto, _, sockaddr = info
            text = str(sockaddr[0])
            address = address_of(text)
            if address not in guarded.given and (why := reach.judge(text, address)) is not None:
                raise AddressRefused(why)
            return socket.socket(family, kind, proto)

        super().__init__(
            resolver=guarded,
            use_dns_cache=False,
            socket_factory=checked_socket,
            ssl=ssl,
            limit=limit,
            force_close=force_close,
        )


class _GuardedResolver(AbstractResolver):
    """Names become addresses, but only those that may be called."""

    def __init__(self, reach: Reach, inner: AbstractResolver) -> None:
        self._reach = reach
        self._inner = inner
        #: Permitted, perhaps for their name alone.
        self.given: set[Address] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host that may be called. Raises AddressRefused when there is none of them."""
        if (why := self._reach.refusal(host)) is not None:
            raise AddressRefused(why)
        found: Sequence[ResolveResult] = await self._inner.resolve(host, port, family)
        permitted: list[ResolveResult] = []
        for one in found:
            address = address_of(one["host"])
            why = self._reach.judge(host, address)
            if why is None:
                self.given.add(address)
                permitted.append(one)
        if found and not permitted:
            raise AddressRefused(why or "")
        return permitted

    async def close(self) -> None:
        """Nothing is kept."""
        await self._inner.close()
