"""The key is shown to a controller with the right certificate and to nobody else."""

import datetime
import re
import ssl
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.integration.agent.fake_controller import serving

from tocsin_agent.http_link import HttpLink, check_url
from tocsin_agent.link import Unreachable
from tocsin_shared.protocol import HeartbeatRequest


@dataclass(frozen=True)
class Authority:
    """Signs certificates for servers of these tests."""

    directory: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, directory: Path, name: str) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        certificate = (
            _valid(subject, subject, key.public_key(), days=1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        (directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(directory, key, certificate)

    def server(self, host: str = "127.0.0.1", *, days: int = 1) -> ssl.SSLContext:
        """A server's side, with a certificate for this host; one that has expired with negative days."""
        import ipaddress

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            _valid(name, self.certificate.subject, key.public_key(), days=days)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
            )
            .add_extension(issuer, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        file = self.directory / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _valid(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=3))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path, "ours")


async def beat(url: str, ca_file: Path | None, fingerprints: AbstractSet[str] = frozenset()) -> None:
    async with HttpLink(
        url, "tck_secret", ca_file=str(ca_file) if ca_file else None, fingerprints=fingerprints
    ) as link:
        from tocsin_shared.ids import new_id

        await link.heartbeat(new_id(), HeartbeatRequest())


async def test_the_right_certificate_is_trusted(ours: Authority) -> None:
    async with serving(ours.server()) as controller:
        with pytest.raises(Exception, match="unauthorized"):
            await beat(controller.url, ours.directory / "ours.pem")
        assert controller.keys("heartbeat") == ["tck_secret"]


async def test_a_trusted_certificate_that_the_policy_does_not_name_gets_neither_key_nor_call(
    ours: Authority,
) -> None:
    ca_file = ours.directory / "ours.pem"
    async with serving(ours.server()) as controller:
        with pytest.raises(Unreachable, match="controller_fingerprints do not name") as error:
            await beat(controller.url, ca_file, {"00" * 32})
        assert controller.calls == []
        shown = re.search(r"sha256:([0-9a-f]{64})", str(error.value))
        assert shown
        with pytest.raises(Exception, match="unauthorized"):
            await beat(controller.url, ca_file, {"00" * 32, shown[1]})
        assert controller.keys("heartbeat") == ["tck_secret"]


async def test_a_certificate_that_the_policy_names_has_to_be_trusted_as_well(ours: Authority) -> None:
    async with serving(ours.server()) as controller:
        with pytest.raises(Unreachable, match="certificate verify failed"):
            await beat(controller.url, None, {"00" * 32})
        assert controller.calls == []


@pytest.mark.parametrize("wrong", ["another authority", "another host", "expired", "the system's only"])
async def test_a_wrong_certificate_gets_neither_key_nor_call(
    ours: Authority, tmp_path: Path, wrong: str
) -> None:
    server, ca_file = ours.server(), tmp_path / "ours.pem"
    match wrong:
        case "another authority":
            server = Authority.make(tmp_path, "other").server()
        case "another host":
            server = ours.server("127.0.0.2")
        case "expired":
            server = ours.server(days=-1)
    async with serving(server) as controller:
        with pytest.raises(Unreachable, match="certificate"):
            await beat(controller.url, None if wrong == "the system's only" else ca_file)
        assert controller.calls == []


async def test_a_server_without_tls_gets_neither_key_nor_call(ours: Authority) -> None:
    async with serving() as controller:
        with pytest.raises(Unreachable):
            await beat(controller.url.replace("http:", "https:"), ours.directory / "ours.pem")
        assert controller.calls == []


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://tocsin.example.org", True),
        ("http://127.0.0.1:8080", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:8080/", True),
        ("http://localhost:8080", True),
        ("http://tocsin.example.org", False),
        ("http://localhost.example.org", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("ftp://tocsin.example.org", False),
        ("https://", False),
        ("https://u:p@tocsin.example.org", False),
        ("https://tocsin.example.org/?a=b", False),
        ("https://[::1", False),
        ("https://tocsin.example.org:port", False),
    ],
)
def test_addresses_without_tls_are_for_this_host_only(url: str, is_fine: bool) -> None:
    assert (check_url(url) is None) == is_fine


def test_plain_http_to_other_hosts_has_to_be_allowed() -> None:
    assert check_url("http://10.0.0.1", allow_plain_http=True) is None
    assert check_url("ftp://10.0.0.1", allow_plain_http=True) is not None
