"""Configurations without their secrets, and what such a one means when it is sent back."""

from collections.abc import Mapping
from typing import Any

from tocsin_shared.connections.base import ConnectionConfig
from tocsin_shared.masks import MASK


def masked(config: Mapping[str, Any], model: type[ConnectionConfig]) -> dict[str, Any]:
    """The configuration as it is shown: a mask for each secret that is there."""
    return {name: MASK if value and name in model.secret_fields else value for name, value in config.items()}


def merged(
    stored: Mapping[str, Any], sent: Mapping[str, Any], model: type[ConnectionConfig]
) -> dict[str, Any]:
    """What was stored, with what was sent over it: null clears a key, the mask keeps a secret.

    Keys that this type does not have are dropped from what was stored. A mask that nothing stands behind stays: see
    `unmeant_masks`.
    """
    result = {name: value for name, value in stored.items() if name in model.model_fields}
    for name, value in sent.items():
        if value is None:
            result.pop(name, None)
        elif not (value == MASK and name in model.secret_fields and result.get(name)):
            result[name] = value
    return result


def unmeant_masks(config: Mapping[str, Any], model: type[ConnectionConfig]) -> list[str]:
    """Secrets that are said to be the mask itself."""
    return sorted(name for name in model.secret_fields if config.get(name) == MASK)
