"""Configurations of connections: from what people send to what is stored, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin_controller.security.sealing import CannotUnseal, Vault, key_id_of
from tocsin_controller.store.database import Record
from tocsin_controller.store.sealed import CONNECTIONS
from tocsin_shared.connections.base import ConnectionConfig
from tocsin_shared.connections.configs import CONFIGS
from tocsin_shared.wire import dumps, loads


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored connection that can be read."""

    name: str
    conn_type: str
    config: dict[str, Any] = field(repr=False)
    model: type[ConnectionConfig]


def opened(vault: Vault, row: Record) -> Opened:
    """What is stored in a row with name, type and ciphertext. Raises CannotUnseal."""
    model = CONFIGS.get(row["conn_type"])
    if model is None:
        raise CannotUnseal("this release does not know connections of its type")
    text = vault.unseal(row["sealed"], CONNECTIONS.place(row["name"]))
    return Opened(row["name"], row["conn_type"], loads(text), model)


def sealed_config(vault: Vault, name: str, config: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """What is stored instead of the configuration, and the id of the key. Raises InvalidInput without a key."""
    sealed = vault.seal(dumps(config).decode(), CONNECTIONS.place(name))
    return sealed, key_id_of(sealed)
