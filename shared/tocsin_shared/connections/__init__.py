"""Connections: how to reach other people's servers, kept apart from the jobs that use them."""

from tocsin_shared.connections.base import ConnectionConfig, TlsConfig
from tocsin_shared.connections.configs import CONFIGS
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.connections.naming import ConnectionName

__all__ = ["CONFIGS", "ConnectionConfig", "ConnectionName", "GivenConnection", "TlsConfig"]
