"""The way to a gRPC server."""

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Any, Final

import grpc

from tocsin_agent.tasks.addresses import host_and_port
from tocsin_agent.tasks.driving import TaskFailed, could_not_connect
from tocsin_agent.tasks.tls import context_of, tls_of
from tocsin_shared.connections.configs import GrpcConfig
from tocsin_shared.executions import Reason

#: The longest message that is taken from a server or sent to it.
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
_TRIAL_SECS: Final = 30.0
#: Where TLS is meant, unless somebody says otherwise.
_TLS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is."""

    host: str
    port: int

    @property
    def target(self) -> str:
        """As gRPC wants it."""
        return host_and_port(self.host, self.port)


def address_of(text: str) -> Address:
    """`host`, `host:port` or `[::1]:port`. Raises TaskFailed."""
    found = re.fullmatch(
        r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:,/\[\]]+))(?::(?P<port>[0-9]{1,5}))?", text
    )
    if found is None:
        raise TaskFailed(Reason.BAD_CONNECTION, "The host of a gRPC server has to be host:port.")
    return Address(found["v6"] or found["host"], int(found["port"] or _TLS_PORT))


def speaks_tls(address: Address, config: GrpcConfig | None, *, is_wanted: bool = False) -> bool:
    """As the connection says; one with anything else about TLS means it, too. `is_wanted`: the task says so."""
    is_meant = is_wanted or address.port == _TLS_PORT or (config is not None and not config.tls_verify)
    return tls_of(config, by_address=is_meant) is not None


async def open_channel(address: Address, config: GrpcConfig | None, *, is_secured: bool) -> grpc.aio.Channel:
    """A channel, which connects when it is first used; `is_secured`: over TLS. Raises TaskFailed."""
    options: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        # Nothing of the agent's own environment, and no settings that a name server hands out.
        ("grpc.enable_http_proxy", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.primary_user_agent", "tocsin"),
    ]
    if not is_secured:
        return grpc.aio.insecure_channel(address.target, options=options)
    roots: bytes | None = None
    name = config.tls_server_name if config is not None else None
    if config is not None and not config.tls_verify:
        roots, name = await _as_presented(address, config)
    elif config is not None and config.tls_ca:
        roots = config.tls_ca.encode()
    else:
        roots = await asyncio.to_thread(_of_the_host)
    if name:
        options.append(("grpc.ssl_target_name_override", name))
    key = config.tls_key.encode() if config is not None and config.tls_key else None
    chain = config.tls_cert.encode() if config is not None and config.tls_cert else None
    if config is not None:
        # gRPC itself would say of PEM that it can't read no more than that it did not connect.
        await asyncio.to_thread(context_of, config)
    return grpc.aio.secure_channel(
        address.target, grpc.ssl_channel_credentials(roots, key, chain), options=options
    )


def _of_the_host() -> bytes | None:
    """Whom the host trusts, for gRPC otherwise brings a list of its own; None where that can't be read."""
    context = ssl.create_default_context()
    found = context.get_ca_certs(binary_form=True)
    return "".join(map(ssl.DER_cert_to_PEM_cert, found)).encode() or None


async def _as_presented(address: Address, config: GrpcConfig) -> tuple[bytes, str]:
    """The certificate that the server shows, to be trusted for this once, and a name in it: gRPC always checks."""
    context = await asyncio.to_thread(context_of, config)
    shown = (await _peer(address, context)).getpeercert(binary_form=True) or b""
    pem = ssl.DER_cert_to_PEM_cert(shown)
    # Python reads a certificate only after it has found it good.
    context.load_verify_locations(cadata=pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    names: dict[str, Any] = dict((await _peer(address, context)).getpeercert() or {})
    alternatives = [value for _, value in names.get("subjectAltName", ())]
    common = [value for part in names.get("subject", ()) for name, value in part if name == "commonName"]
    found = [str(one) for one in (*alternatives, *common)]
    return pem.encode(), config.tls_server_name or (found[0].replace("*", "any") if found else address.host)


async def _peer(address: Address, context: ssl.SSLContext) -> ssl.SSLObject:
    context.set_alpn_protocols(["h2"])
    try:
        async with asyncio.timeout(_TRIAL_SECS):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    except OSError as error:
        raise could_not_connect(f"gRPC at {address.target}", error) from None
    found: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return found
