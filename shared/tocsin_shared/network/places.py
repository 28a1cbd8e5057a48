"""A list of places as people write it: networks, addresses, kinds of address, host names."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tocsin_shared.network.literals import Address, Network, plain_name
from tocsin_shared.network.ranges import GROUPS, is_in

_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


@dataclass(frozen=True, slots=True)
class Places:
    """Parsed once, asked often."""

    #: With the entry that each stands for.
    networks: tuple[tuple[Network, str], ...] = ()
    #: `*.example.org` stands for everything below `example.org`.
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Raises ValueError, which names the entry that is wrong."""
        networks: list[tuple[Network, str]] = []
        names: list[str] = []
        for entry in entries:
            if entry in GROUPS:
                networks += [(network, entry) for network in GROUPS[entry]]
            elif (network := _network(entry)) is not None:
                networks.append((network, entry))
            else:
                names.append(_name(entry))
        return cls(tuple(networks), tuple(names))

    def entry_for(self, address: Address) -> str | None:
        """The first entry that an address fits."""
        return next((entry for network, entry in self.networks if is_in(address, network)), None)

    def entry_for_name(self, host: str) -> str | None:
        """The first entry that a host's name fits."""
        name = plain_name(host)
        return next((one for one in self.names if _fits(name, one)), None)


def _fits(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def _network(entry: str) -> Network | None:
    looks_like_one = "/" in entry or ":" in entry or re.fullmatch(r"[0-9.]+", entry)
    if not looks_like_one:
        return None
    try:
        network = ipaddress.ip_network(entry)
    except ValueError as error:
        raise ValueError(f"'{entry[:100]}' is not a network: {error}") from None
    return network


def _name(entry: str) -> str:
    name = plain_name(entry)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"'{entry[:100]}' is neither a network, a host name nor one of {', '.join(sorted(GROUPS))}"
        )
    return name
