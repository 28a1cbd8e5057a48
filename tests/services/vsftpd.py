"""vsftpd, which takes a transfer only in the TLS session of its login, from anonymous clients."""

from collections.abc import Iterator
from contextlib import contextmanager

import trustme

from tests.net import free_port
from tests.services import require
from tests.services.ftpd import FtpServer
from tests.services.processes import directory_for, running


@contextmanager
def vsftpd_server() -> Iterator[FtpServer]:
    """A server of its own; clients may write below `files`."""
    binary = require("vsftpd", "vsftpd")
    port = free_port()
    with directory_for("vsftpd") as directory:
        root = directory / "root"
        (root / "files").mkdir(parents=True)
        (root / "files").chmod(0o777)
        authority = trustme.CA()
        certificate = directory / "certificate.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        settings = {
            "listen": "YES",
            "background": "NO",
            "listen_address": "127.0.0.1",
            "listen_port": str(port),
            "run_as_launching_user": "YES",
            "anonymous_enable": "YES",
            "no_anon_password": "YES",
            "anon_root": str(root),
            "write_enable": "YES",
            "anon_upload_enable": "YES",
            "anon_other_write_enable": "YES",
            "anon_world_readable_only": "NO",
            "seccomp_sandbox": "NO",
            "ssl_enable": "YES",
            "allow_anon_ssl": "YES",
            "force_anon_logins_ssl": "YES",
            "force_anon_data_ssl": "YES",
            "require_ssl_reuse": "YES",
            "ssl_ciphers": "HIGH",
            "rsa_cert_file": str(certificate),
            "rsa_private_key_file": str(certificate),
        }
        config = directory / "vsftpd.conf"
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        with running([binary, config], until=port, cwd=directory) as server:
            yield FtpServer(port, root, authority.cert_pem.bytes().decode(), server)
