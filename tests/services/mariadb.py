"""MariaDB, with one database and one user of its own."""

import getpass
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trustme

from tests.net import free_port
from tests.services import require
from tests.services.processes import Running, directory_for, running

#: The only name in its certificate.
NAME = "mariadb.example"
DATABASE, USER, PASSWORD = "shop", "shopkeeper", "mariadb-secret"


@dataclass(frozen=True)
class MariadbServer:
    """Where it is; `server` to kill it."""

    port: int
    server: Running
    #: The authority that signed its certificate, in PEM.
    ca: str

    @property
    def url(self) -> str:
        """With credentials."""
        return f"mysql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}"


@contextmanager
def mariadb_server() -> Iterator[MariadbServer]:
    """A server on a fresh data directory that may lose everything in a power cut."""
    binary = require("MariaDB", "mariadbd")
    install = require("MariaDB", "mariadb-install-db")
    port = free_port()
    with directory_for("mariadb") as directory:
        data, account = directory / "data", getpass.getuser()
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                f"--user={account}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            check=True,
            capture_output=True,
        )
        authority = trustme.CA()
        certificate = authority.issue_cert(NAME)
        certificate.private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
        first = directory / "first.sql"
        first.write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'127.0.0.1';\n"
        )
        argv = [
            binary,
            "--no-defaults",
            f"--user={account}",
            f"--datadir={data}",
            f"--socket={directory / 'mariadb.sock'}",
            f"--pid-file={directory / 'mariadb.pid'}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--init-file={first}",
            f"--ssl-cert={directory / 'server.pem'}",
            f"--ssl-key={directory / 'server.pem'}",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M",
        ]
        with running(argv, until=port, cwd=directory) as server:
            yield MariadbServer(port, server, authority.cert_pem.bytes().decode())
