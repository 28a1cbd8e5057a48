"""Connections that go only where the network policy lets them: checked by address, at the moment they are made."""

from typing import TYPE_CHECKING, Any

from tocsin_agent.network.resolving import AddressRefused, NoAddress, check_host, permitted_addresses

if TYPE_CHECKING:
    from tocsin_agent.network.connecting import GuardedConnector

__all__ = ["AddressRefused", "GuardedConnector", "NoAddress", "check_host", "permitted_addresses"]


def __getattr__(name: str) -> Any:
    """Scripts resolve addresses here too, and their processes can't wait for an HTTP client to load."""
    if name == "GuardedConnector":
        from tocsin_agent.network.connecting import GuardedConnector

        return GuardedConnector
    raise AttributeError(name)
