"""Mosquitto, an MQTT broker, with one user and no anonymous clients."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.net import free_port
from tests.services import require
from tests.services.processes import Running, directory_for, running

USER, PASSWORD = "meter", "mosquitto-secret"


@dataclass(frozen=True)
class MosquittoServer:
    """Where it is; `server` to kill it."""

    port: int
    server: Running


@contextmanager
def mosquitto_server() -> Iterator[MosquittoServer]:
    """A broker that keeps nothing on disk."""
    binary = require("Mosquitto", "mosquitto")
    port = free_port()
    with directory_for("mosquitto") as directory:
        passwords = directory / "passwords"
        passwords.write_text(f"{USER}:{PASSWORD}\n")
        subprocess.run([require("Mosquitto", "mosquitto_passwd"), "-U", passwords], check=True)
        config = directory / "mosquitto.conf"
        # The account: one that is started by root would become another, which may not read the passwords.
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            "persistence false\nuser root\n"
        )
        with running([binary, "-c", config], until=port, cwd=directory) as server:
            yield MosquittoServer(port, server)
