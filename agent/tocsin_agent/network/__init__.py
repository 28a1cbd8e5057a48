"""Connections that go only where the network policy lets them: checked by address, at the moment they are made."""

from tocsin_agent.network.connecting import GuardedConnector
from tocsin_agent.network.resolving import AddressRefused, check_host, permitted_addresses

__all__ = ["AddressRefused", "GuardedConnector", "check_host", "permitted_addresses"]
