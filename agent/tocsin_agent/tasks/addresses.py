"""Addresses of servers: written for people, and read without telling what is in them."""

from collections.abc import Iterator
from contextlib import contextmanager

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_shared.executions import Reason


class BadUrl(ValueError):
    """Says what is wrong with a URL, in words that show nothing of it."""


@contextmanager
def reading_url(kind: str, *, is_of_connection: bool) -> Iterator[None]:
    """Turns what is wrong with a URL of this kind of server into TaskFailed.

    Only a BadUrl's own words are told: those of libraries on URLs may show parts of them, and so the password.
    """
    try:
        yield
    except ValueError as error:
        said = str(error) if isinstance(error, BadUrl) else f"it is not a url of {kind}"
        reason = Reason.BAD_CONNECTION if is_of_connection else Reason.CONNECT_FAILED
        raise TaskFailed(reason, f"The url can't be used: {said}.") from None


def host_and_port(host: str, port: int | None) -> str:
    """`host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
