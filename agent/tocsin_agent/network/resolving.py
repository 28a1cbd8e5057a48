"""From a host's name to addresses that may be called."""

import ipaddress
import socket
from typing import TypeAlias

from tocsin_shared.network import Address, Reach

#: What `socket.getaddrinfo` gives: family, type, protocol, canonical name, address.
AddrInfo: TypeAlias = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]


class AddressRefused(Exception):
    """The network policy does not let this be called. The message is one sentence."""


class NoAddress(Exception):
    """A host's name leads nowhere. The message is one sentence."""

    def __init__(self, host: str, error: OSError | UnicodeError) -> None:
        why = error.strerror if isinstance(error, OSError) else None
        super().__init__(f"{host[:200]} has no address: {why or 'it is no host name'}.")


def permitted_addresses(
    reach: Reach, host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM
) -> list[AddrInfo]:
    """Where to connect to for a host, looked up once: connect to one of these, not to the name. Blocks.

    Raises AddressRefused when none of the host's addresses may be called, OSError when it has none.
    """
    if (why := reach.refusal(host)) is not None:
        raise AddressRefused(why)
    found = [one for one in socket.getaddrinfo(host, port, type=kind) if one[0] in _FAMILIES]
    whys = [reach.judge(host, address_of(str(one[4][0]))) for one in found]
    permitted = [one for one, why in zip(found, whys, strict=True) if why is None]
    if not permitted and whys:
        raise AddressRefused(whys[0] or "")
    return permitted  # type: ignore[return-value]  # the stubs allow addresses of other families


async def check_host(reach: Reach, host: str, port: int) -> None:
    """Refuse a host of which any address may not be called, for drivers that look names up themselves.

    Between this and what the driver looks up a name can change: what its own server says is only checked where the
    connection is made by GuardedConnector or from `permitted_addresses`. Raises AddressRefused, NoAddress.
    """
    if reach.is_unlimited:
        return
    if (why := reach.refusal(host)) is not None:
        raise AddressRefused(why)
    import asyncio  # here, because a script's process has no use for it and would wait for it

    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAddress(host, error) from None
    for family, *_, sockaddr in found:
        if family in _FAMILIES and (why := reach.judge(host, address_of(str(sockaddr[0])))) is not None:
            raise AddressRefused(why)


def address_of(text: str) -> Address:
    """An address as a resolver gives it, which may name an interface."""
    return ipaddress.ip_address(text.partition("%")[0])


_FAMILIES = (socket.AF_INET, socket.AF_INET6)
