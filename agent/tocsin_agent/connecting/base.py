"""What the trials of all types share."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import MFD_CLOEXEC, close, memfd_create, write
from urllib.parse import urlsplit

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.executions import Reason


def server_of(url: str, default_port: int | None) -> str:
    """`host:port` of a URL, without credentials; several of them as they stand there. Empty when none is named.

    Raises TaskFailed.
    """
    try:
        netloc = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        raise unusable("its address is not a URL") from None
    has_port = ":" in netloc.rpartition("]")[2]
    return netloc if has_port or not netloc or default_port is None else f"{netloc}:{default_port}"


def unusable(why: str) -> TaskFailed:
    """Nothing can be tried with this configuration."""
    return TaskFailed(Reason.BAD_CONNECTION, f"The connection can't be used: {why}.")


@contextmanager
def in_memory(text: str | None) -> Iterator[str | None]:
    """The path of a file with this text which no disk sees, for drivers that only read files."""
    if text is None:
        yield None
        return
    file = memfd_create("pem", MFD_CLOEXEC)
    try:
        write(file, text.encode())
        yield f"/proc/self/fd/{file}"
    finally:
        close(file)


def client_pem(config: TlsConfig) -> str | None:
    """The client's certificate and key in one text."""
    return f"{config.tls_cert}\n{config.tls_key or ''}" if config.tls_cert else None
