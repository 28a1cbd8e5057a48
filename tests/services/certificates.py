"""Certificates of servers that speak TLS: good for one name, which is not the address that they listen at."""

from dataclasses import dataclass
from pathlib import Path

import trustme

#: What certificates are for; connections name it as `tls_server_name`.
SERVER_NAME = "server.test"


@dataclass(frozen=True)
class Certificates:
    """Files of a server, and whom its clients trust."""

    certificate: Path
    key: Path
    authority: Path
    #: In PEM, as connections take it (`tls_ca`).
    ca: str
    #: Of a client, in PEM as well.
    client_cert: str
    client_key: str


def certificates_in(directory: Path) -> Certificates:
    """A new authority, and a certificate of it."""
    authority = trustme.CA()
    issued, client = authority.issue_cert(SERVER_NAME), authority.issue_cert("client.test")
    made = Certificates(
        directory / "server.pem",
        directory / "server.key",
        directory / "ca.pem",
        authority.cert_pem.bytes().decode(),
        client.cert_chain_pems[0].bytes().decode(),
        client.private_key_pem.bytes().decode(),
    )
    made.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    made.key.write_bytes(issued.private_key_pem.bytes())
    made.authority.write_text(made.ca)
    return made
