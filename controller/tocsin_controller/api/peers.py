"""From which address a request came, also through proxies."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

#: Proxies that one request passed; more entries are not looked at.
_MOST_HOPS: Final = 20


class Peers:
    """Believes X-Forwarded-For as far as trusted proxies wrote it."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def address_of(self, peer: str | None, forwarded_for: Iterable[str] = ()) -> str | None:
        """The address of the connection; of one by a trusted proxy, the last address that no trusted proxy has.

        What stands left of that in the header was written by the caller, who may write anything.
        """
        found = _address(peer)
        if found is None or not self._is_trusted(found):
            return peer
        entries = [entry for line in forwarded_for for entry in line.split(",")]
        for entry in entries[: -_MOST_HOPS - 1 : -1]:
            before = _address(entry)
            if before is None:
                break
            found = before
            if not self._is_trusted(found):
                break
        return str(found)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def parse_networks(texts: Iterable[str]) -> list[Network]:
    """Networks such as 10.0.0.0/8, or single addresses."""
    return [ip_network(text) for text in texts]


def _address(text: str | None) -> Address | None:
    """An address, also as some proxies write it: with a port, or IPv6 in brackets."""
    bare = (text or "").strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
