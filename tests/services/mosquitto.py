"""Mosquitto, an MQTT broker, with one user and no anonymous clients, in the clear and over TLS.

Over TLS clients need a certificate.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.net import free_port
from tests.services import require
from tests.services.certificates import Certificates, certificates_in
from tests.services.processes import Running, directory_for, running

USER, PASSWORD = "meter", "mosquitto-secret"
#: Clients that send more at once are thrown out.
MAX_PACKET_BYTES = 100_000


@dataclass(frozen=True)
class MosquittoServer:
    """Where it is; `server` to kill it."""

    port: int
    tls_port: int
    certificates: Certificates
    server: Running


@contextmanager
def mosquitto_server() -> Iterator[MosquittoServer]:
    """A broker that keeps nothing on disk."""
    binary = require("Mosquitto", "mosquitto")
    port, tls_port = free_port(), free_port()
    with directory_for("mosquitto") as directory:
        certificates = certificates_in(directory)
        passwords = directory / "passwords"
        passwords.write_text(f"{USER}:{PASSWORD}\n")
        subprocess.run([require("Mosquitto", "mosquitto_passwd"), "-U", passwords], check=True)
        config = directory / "mosquitto.conf"
        # The account: one that is started by root would become another, which may not read the passwords.
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            f"persistence false\nuser root\nlog_dest stderr\nlog_type all\nmax_packet_size {MAX_PACKET_BYTES}\n"
            f"listener {tls_port} 127.0.0.1\ncertfile {certificates.certificate}\nkeyfile {certificates.key}\n"
            f"cafile {certificates.authority}\nrequire_certificate true\n"
        )
        with running([binary, "-c", config], until=port, cwd=directory) as server:
            yield MosquittoServer(port, tls_port, certificates, server)
