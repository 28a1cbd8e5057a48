"""What an HTTP connection adds to a request: the beginning of its address, and credentials, which go nowhere else."""

import base64
from collections.abc import Iterable
from urllib.parse import urlsplit

from tocsin_shared.connections.configs import HttpConfig

_PORTS = {"http": 80, "https": 443}


def url_under(config: HttpConfig, url: str) -> str:
    """The address that is meant: a path stands below `base_url`, a whole address for itself."""
    if not url:
        return config.base_url
    return config.base_url.rstrip("/") + url if url.startswith("/") else url


def auth_headers(config: HttpConfig, url: str, present: Iterable[str] = ()) -> dict[str, str]:
    """The headers with this connection's credentials, for a request that has the headers `present` already.

    None for an address of another origin than `base_url`.
    """
    if origin_of(url) != origin_of(config.base_url):
        return {}
    match config.auth_type:
        case "bearer":
            name, value = "Authorization", f"Bearer {config.token}" if config.token else None
        case "basic":
            name, value = "Authorization", _basic(config) if config.username is not None else None
        case "header":
            name, value = config.header_name, config.header_value
        case _:
            return {}
    if not value or name.lower() in {one.lower() for one in present}:
        return {}
    return {name: value}


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what is no address."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname
        return (scheme, host, parts.port or _PORTS.get(scheme)) if host else None
    except ValueError:
        return None


def _basic(config: HttpConfig) -> str:
    login = f"{config.username}:{config.password or ''}".encode()
    return f"Basic {base64.b64encode(login).decode()}"
