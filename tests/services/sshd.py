"""OpenSSH's server, which lets in the account that runs the tests, with one key."""

import getpass
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.net import free_port
from tests.services import require
from tests.services.processes import Running, directory_for, running


@dataclass(frozen=True)
class SshServer:
    """Where it is, and what it takes to get in; `server` to kill it."""

    port: int
    username: str
    #: OpenSSH's form, without a passphrase.
    private_key: str
    #: Its own key, as a line of `known_hosts`.
    known_hosts: str
    server: Running


@contextmanager
def ssh_server() -> Iterator[SshServer]:
    """A server of its own, for commands and SFTP."""
    binary = require("OpenSSH", "sshd")
    port = free_port()
    with directory_for("sshd") as directory:
        host_key, user_key = directory / "host", directory / "user"
        for key in (host_key, user_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        config = directory / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {host_key}\nPidFile none\nStrictModes no\n"
            f"AuthorizedKeysFile {user_key}.pub\nPermitRootLogin yes\nUsePAM no\n"
            "PasswordAuthentication yes\nKbdInteractiveAuthentication no\n"
            "MaxStartups 100\nSubsystem sftp internal-sftp\n"
        )
        if getpass.getuser() == "root":
            # Where it confines those who have not yet logged in.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        kind, public = host_key.with_suffix(".pub").read_text().split()[:2]
        with running([binary, "-D", "-e", "-f", config], until=port, cwd=directory) as server:
            yield SshServer(
                port,
                getpass.getuser(),
                user_key.read_text(),
                f"[127.0.0.1]:{port} {kind} {public}\n",
                server,
            )
