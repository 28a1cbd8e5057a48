"""Which addresses a controller may call because a job says so. Pure.

A controller stands where others can't: what it may reach, a job's author need not be allowed to. So addresses of the
controller's own host, of its own link and of the services that tell clouds' machines their secrets are refused, unless
the operator allows them.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Names by which clouds' machines reach their metadata; the addresses behind them are refused as well.
_REFUSED_NAMES: Final = ("localhost", "metadata", "metadata.google.internal")
_METADATA: Final = tuple(
    ipaddress.ip_address(one)
    for one in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
#: IPv6 addresses that carry one of IPv4 in their last four bytes.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be called."""

    #: Allowed although they would be refused.
    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Sequence[str]) -> "Reach":
        """From networks and addresses as text. Raises ValueError."""
        return cls(tuple(ipaddress.ip_network(text, strict=False) for text in networks))

    def refusal(self, host: str) -> str | None:
        """Why this host may not be called, as far as its name tells; None when its addresses decide."""
        name = host.rstrip(".").lower()
        if (name in _REFUSED_NAMES or name.endswith(".localhost")) and not self.allowed:
            return (
                f"'{host[:100]}' is the controller itself or its cloud; an operator can allow such addresses"
            )
        address = _literal(name)
        if address is not None and not self.permits(address):
            return f"{host[:100]} is an address that may not be called; an operator can allow it"
        return None

    def permits(self, address: Address) -> bool:
        """Whether this address may be called."""
        real = _real(address)
        if any(real.version == network.version and real in network for network in self.allowed):
            return True
        return not (
            real.is_loopback
            or real.is_link_local
            or real.is_unspecified
            or real.is_multicast
            or real in _METADATA
            or real == ipaddress.IPv4Address("255.255.255.255")
            or (real.version == 4 and real in ipaddress.IPv4Network("0.0.0.0/8"))
        )


def _literal(name: str) -> Address | None:
    """The address that a host is, if it is one; clients also take one number, or octal and hexadecimal parts."""
    try:
        return ipaddress.ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return _odd_ipv4(name)


def _odd_ipv4(name: str) -> Address | None:
    parts = name.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    try:
        numbers = [int(p, 16) if p.startswith("0x") else int(p, 8) if p[:1] == "0" else int(p) for p in parts]
    except ValueError:
        return None
    *high, last = numbers
    if any(not 0 <= n <= 255 for n in high) or not 0 <= last < 256 ** (5 - len(parts)):
        return None
    value = last + sum(n << (8 * (3 - place)) for place, n in enumerate(high))
    return ipaddress.IPv4Address(value)


def _real(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, if that is what it is."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
