"""pyftpdlib, an FTP server, with one user, with and without TLS. Run as a program it is that server."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler, ThrottledDTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

from tests.net import free_port
from tests.services.processes import Running, directory_for, running

USER, PASSWORD = "files", "ftp-secret"


@dataclass(frozen=True)
class FtpServer:
    """Where it is, and the directory that its clients see; `server` to kill it."""

    port: int
    root: Path
    #: Whom to trust when it speaks TLS.
    ca: str
    server: Running


@contextmanager
def ftp_server(
    *,
    tls: bool = False,
    certified_for: str = "127.0.0.1",
    slow: bool = False,
    cannot_resume: bool = False,
    has_no_room: bool = False,
) -> Iterator[FtpServer]:
    """A server of its own. `slow` lets a large file take so long that something can happen meanwhile."""
    port = free_port()
    with directory_for("ftpd") as directory:
        root = directory / "root"
        root.mkdir()
        authority = trustme.CA()
        certificate = directory / "certificate.pem"
        authority.issue_cert(certified_for).private_key_and_cert_chain_pem.write_to_path(certificate)
        argv: list[str | Path] = [sys.executable, "-m", __name__, str(port), root]
        argv += [certificate if tls else "-"]
        argv += ["slow"] * slow + ["cannot-resume"] * cannot_resume + ["no-room"] * has_no_room
        env = {"PYTHONPATH": str(Path(__file__).parents[2])}
        with running(argv, until=port, cwd=directory, env=env) as server:
            yield FtpServer(port, root, authority.cert_pem.bytes().decode(), server)


def _serve(port: str, root: str, certificate: str, *ways: str) -> None:
    accounts = DummyAuthorizer()
    accounts.add_user(USER, PASSWORD, root, perm="elradfmwMT")
    transfer: type[DTPHandler] = DTPHandler
    handler: type[FTPHandler] = FTPHandler
    if certificate != "-":
        handler, transfer = TLS_FTPHandler, TLS_DTPHandler
        handler.certfile = certificate
        handler.tls_control_required = handler.tls_data_required = True
    elif "slow" in ways:
        transfer = ThrottledDTPHandler
        transfer.read_limit = transfer.write_limit = 1024 * 1024
    handler.authorizer = accounts
    handler.dtp_handler = transfer
    handler.auth_failed_timeout = 0
    if "cannot-resume" in ways:
        handler.proto_cmds = {name: what for name, what in handler.proto_cmds.items() if name != "REST"}
    if "no-room" in ways:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, resource.RLIM_INFINITY))
    FTPServer(("127.0.0.1", int(port)), handler).serve_forever()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
