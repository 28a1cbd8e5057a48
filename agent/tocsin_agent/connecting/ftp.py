"""FTP and FTPS: logs in."""

from tocsin_agent.tasks.transfer.ftp import ftp_connected, login_of
from tocsin_shared.connections.configs import FtpConfig
from tocsin_shared.network import Reach


async def probe(config: FtpConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    login = login_of(config)
    async with ftp_connected(login):
        pass
    return f"Logged in to {login.name}{' over TLS' if login.tls else ''}."
