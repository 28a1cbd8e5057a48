"""Values of variables in the configuration of a connection."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from tocsin_controller.substitution.connection_strings import fill_connection_string
from tocsin_controller.substitution.inspecting import Misplaced, inspect_fields
from tocsin_controller.substitution.references import (
    PARAMS,
    REFERENCE,
    CannotPlace,
    ValueOf,
    as_text,
)
from tocsin_controller.substitution.text import fill_header, fill_plain, fill_url
from tocsin_shared.sql import Dialect

#: Connection strings of databases whose words are known; those of others are URLs.
_DIALECTS: Final[dict[str, Dialect]] = {"postgres": "postgres", "mysql": "mysql", "sqlite": "sqlite"}
_URLS: Final = frozenset({"connection_string", "url", "base_url", "endpoint"})
_HEADERS: Final = frozenset({"header_name", "header_value", "token"})

#: The variables that a configuration uses, and what is wrong with where they stand.
InspectedConfig = tuple[frozenset[str], list[Misplaced]]


def fill_config(conn_type: str, config: Mapping[str, Any], value_of: ValueOf) -> dict[str, Any]:
    """The configuration with every reference replaced. Raises CannotPlace."""
    return {name: _filled(conn_type, name, value, value_of) for name, value in config.items()}


def inspect_config(conn_type: str, config: Mapping[str, Any]) -> InspectedConfig:
    """What has to be known before it is filled, or stored."""
    return inspect_fields(config, partial(_filled, conn_type), of="config", check=_refuse_param)


def _refuse_param(name: str) -> None:
    if name.startswith(PARAMS):
        raise CannotPlace(name, "belongs to a run; a connection can only use variables")


def _filled(conn_type: str, field: str, value: Any, value_of: ValueOf) -> Any:
    if not isinstance(value, str) or "{{" not in value:
        return value
    if field == "connection_string" and conn_type in _DIALECTS:
        return fill_connection_string(value, value_of, _DIALECTS[conn_type])
    if field in _URLS:
        return _fill_address(value, value_of)
    if field in _HEADERS:
        return fill_header(value, value_of)
    return fill_plain(value, value_of)


def _fill_address(template: str, value_of: ValueOf) -> str:
    """One that is nothing but a reference is all that the value says."""
    alone = REFERENCE.fullmatch(template)
    if alone is not None:
        return as_text(alone["name"]) if alone["literal"] else fill_plain(template, value_of)
    return fill_url(template, value_of)
