"""SSH and SFTP: checks the host's key and logs in."""

import asyncssh

from tocsin_agent.tasks.driving import driver_failed
from tocsin_agent.tasks.ssh.connecting import ssh_connected, ssh_login
from tocsin_shared.connections.configs import SftpConfig, SshConfig
from tocsin_shared.network import Reach


async def probe(config: SshConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    login = ssh_login(config)
    is_sftp = isinstance(config, SftpConfig)
    async with ssh_connected(login) as connection:
        if is_sftp:
            try:
                sftp = await connection.start_sftp_client()
            except (OSError, asyncssh.Error) as error:
                raise driver_failed(f"Starting SFTP on {login.name}", error) from None
            sftp.exit()
    return f"Logged in to {login.name}{' with SFTP' if is_sftp else ''}."
