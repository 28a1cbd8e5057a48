"""TLS contexts that connections describe, by real handshakes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.base import TlsConfig
from tocsin_shared.executions import Reason

AUTHORITY = trustme.CA()
CA = AUTHORITY.cert_pem.bytes().decode()


def client_pair(authority: trustme.CA = AUTHORITY) -> dict[str, str]:
    issued = authority.issue_cert("client.test")
    cert = "".join(blob.bytes().decode() for blob in issued.cert_chain_pems)
    return {"tls_cert": cert, "tls_key": issued.private_key_pem.bytes().decode()}


@asynccontextmanager
async def server(name: str = "broker.test", *, wants_client: bool = False) -> AsyncIterator[int]:
    """Greets whoever gets through. Yields its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(name).configure_cert(context)
    if wants_client:
        AUTHORITY.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context) as listening:
        yield listening.sockets[0].getsockname()[1]


async def greeting(port: int, config: TlsConfig) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context_of(config))
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_a_server_is_trusted_by_the_given_authority_and_name() -> None:
    async with server() as port:
        config = TlsConfig(tls_ca=CA, tls_server_name="broker.test")
        assert await greeting(port, config) == b"hello"


async def test_another_name_than_the_certificates_is_refused() -> None:
    async with server("other.test") as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'broker\.test'"):
            await greeting(port, TlsConfig(tls_ca=CA, tls_server_name="broker.test"))
        with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for '127\.0\.0\.1'"):
            await greeting(port, TlsConfig(tls_ca=CA))


async def test_an_authority_that_the_host_does_not_know_is_refused() -> None:
    async with server("127.0.0.1") as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeting(port, TlsConfig())


async def test_for_trials_any_certificate_will_do() -> None:
    async with server("other.test") as port:
        assert await greeting(port, TlsConfig(tls_verify=False)) == b"hello"


async def test_the_client_shows_its_certificate() -> None:
    trusting = {"tls_ca": CA, "tls_server_name": "broker.test"}
    async with server(wants_client=True) as port:
        assert await greeting(port, TlsConfig(**trusting, **client_pair())) == b"hello"
        answer = b""
        with suppress(
            OSError
        ):  # in TLS 1.3 a client learns late that it is refused: by an alert, or by silence
            answer = await greeting(port, TlsConfig(**trusting))
        assert answer == b""


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (TlsConfig(tls_ca="no PEM at all"), "tls_ca"),
        (TlsConfig(tls_cert="no PEM at all"), "tls_cert"),
        (TlsConfig(tls_cert=client_pair()["tls_cert"]), "tls_cert"),
    ],
)
def test_what_is_no_certificate_is_told_by_its_field_and_not_shown(config: TlsConfig, field: str) -> None:
    with pytest.raises(TaskFailed) as failure:
        context_of(config)
    assert failure.value.reason is Reason.BAD_CONNECTION
    assert field in failure.value.message
    assert "BEGIN" not in failure.value.text


def test_a_key_under_a_passphrase_is_refused_and_nobody_is_asked_for_it() -> None:
    pair = client_pair()
    key = serialization.load_pem_private_key(pair["tls_key"].encode(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    ).decode()
    with pytest.raises(TaskFailed, match="tls_cert with tls_key"):
        context_of(TlsConfig(tls_cert=pair["tls_cert"], tls_key=locked))
