"""TLS towards other people's servers, as a connection describes it."""

import os
import socket
import ssl
from collections.abc import Callable

from tocsin_agent.tasks.driving import TaskFailed, one_line
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.executions import Reason


def tls_of(config: TlsConfig | None, *, by_address: bool) -> TlsConfig | None:
    """What to make a context of; None when TLS is not spoken.

    As the connection says (`tls`); else as the address says, or because certificates are spoken of at all: who names an
    authority does not want a password to go in the clear.
    """
    given = config or TlsConfig()
    wanted = given.tls
    if wanted is None:
        wanted = by_address or given.names_certificates
    return given if wanted else None


def context_of(config: TlsConfig) -> ssl.SSLContext:
    """For a client of this server, whatever the driver: `tls_server_name` is the context's own business.

    Reads the host's list of authorities, so call it in a thread where a few milliseconds matter. Raises TaskFailed.
    """
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = config.tls_server_name
    if not config.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif config.tls_ca:
        _load("tls_ca", lambda: context.load_verify_locations(cadata=config.tls_ca))
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if config.tls_cert:
        pem = f"{config.tls_cert}\n{config.tls_key or ''}"
        _load("tls_cert with tls_key", lambda: _load_chain(context, pem))
    return context


class _Context(ssl.SSLContext):
    """Asks for the certificate of another name than the host's, also where a driver can't be told to."""

    server_name: str | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As asyncio does it."""
        name = self.server_name or server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, name, session)

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """As drivers do it that run in a thread."""
        name = self.server_name or server_hostname
        return super().wrap_socket(
            sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, name, session
        )


def _load_chain(context: ssl.SSLContext, pem: str) -> None:
    """OpenSSL only reads files, so the key gets one in memory, which no disk sees and which ends with this call."""
    file = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, pem.encode())
        # A key under a passphrase is refused; without this OpenSSL would ask the terminal for one.
        context.load_cert_chain(f"/proc/self/fd/{file}", password=lambda: b"")
    finally:
        os.close(file)


def _load(what: str, load: Callable[[], object]) -> None:
    try:
        load()
    except (ssl.SSLError, ValueError) as error:
        message = f"The connection's {what} can't be used."
        raise TaskFailed(Reason.BAD_CONNECTION, message, one_line(error)) from None
