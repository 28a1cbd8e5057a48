"""Addresses that are not just some host on the internet, by kind.

`ipaddress` does not decide here: what it calls private or global differs between versions of Python, leaves out what
clouds use, and looks at an IPv6 address without the IPv4 address that it carries.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

from tocsin_shared.network.literals import Address, Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


#: Kinds of address that a policy can name.
GROUPS: Final[Mapping[str, tuple[Network, ...]]] = {
    # The host itself. Connecting to 0.0.0.0 or :: reaches it too.
    "loopback": _networks("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"),
    # Whatever stands on the same cable: no router is between.
    "link-local": _networks("169.254.0.0/16", "fe80::/10"),
    # Where machines of clouds are told their secrets: AWS, Google, Azure, Oracle, Alibaba, Scaleway, ECS, EKS.
    "metadata": _networks(
        "169.254.169.254/32",
        "169.254.169.253/32",
        "169.254.170.2/32",
        "169.254.170.23/32",
        "169.254.42.42/32",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        "fd00:42::42/128",
    ),
    # Not one host: multicast and broadcast.
    "multicast": _networks("224.0.0.0/4", "255.255.255.255/32", "ff00::/8"),
    # Networks of an organisation, of a carrier (100.64/10) or of a test bench (198.18/15).
    "private": _networks(
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "198.18.0.0/15",
        "fc00::/7",
        "fec0::/10",
    ),
    # Set aside: documentation, protocols, discard, the future.
    "reserved": _networks(
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:2::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
    ),
}

_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
#: Addresses that carry one of IPv4 in their last four bytes: NAT64, also of a site's own, and the old "compatible".
_IN_LAST_BYTES: Final = _networks("64:ff9b::/96", "64:ff9b:1::/48", "::/96")


def forms_of(address: Address) -> tuple[Address, ...]:
    """The address, and the IPv4 addresses inside it, the one that is spoken to last."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    address = ipaddress.IPv6Address(int(address))  # without the zone
    if address.ipv4_mapped is not None:
        return (address, address.ipv4_mapped)
    if address.sixtofour is not None:
        return (address, address.sixtofour)
    if address.teredo is not None:
        return (address, *address.teredo)
    if int(address) > 1 and any(address in network for network in _IN_LAST_BYTES):
        return (address, ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return (address,)


def groups_of(address: Address) -> frozenset[str]:
    """The kinds that an address, or one inside it, is of. Empty for a host on the internet."""
    forms = forms_of(address)
    found = {
        name
        for name, networks in GROUPS.items()
        if any(is_in(form, network) for form in forms for network in networks)
    }
    if not found and len(forms) == 1 and address.version == 6 and address not in _GLOBAL_V6:
        found.add("reserved")
    return frozenset(found)


def is_in(address: Address, network: Network) -> bool:
    """Whether an address is in a network, of whichever version both are."""
    return address.version == network.version and address in network
