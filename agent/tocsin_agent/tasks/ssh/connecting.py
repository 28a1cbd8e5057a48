"""A connection to an SSH server whose host key is known, and a login that it takes."""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncssh

from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, login_refused
from tocsin_shared.connections.configs import SshConfig
from tocsin_shared.executions import Reason
from tocsin_shared.tasks import FtpTask, SshTask

CONNECT_SECS: Final = 30.0
#: A server that is silent is asked this often whether it still lives, and given up after the third time.
_ALIVE_SECS: Final = 15.0
_CLOSE_SECS: Final = 1.0
_OF_ALL_ACCOUNTS: Final = Path("/etc/ssh/ssh_known_hosts")

asyncssh.set_log_level("CRITICAL")  # the task itself says what goes wrong


@dataclass(frozen=True, slots=True)
class SshLogin:
    """Where, as whom, and how the server is known."""

    host: str
    port: int
    username: str
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    #: Lines of a known_hosts file; None: the files of the agent's host.
    known_hosts: str | None = None
    verify_host: bool = True

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


def ssh_login(config: SshConfig | None, task: SshTask | FtpTask | None = None) -> SshLogin:
    """What a connection says goes before what the task says. Raises TaskFailed."""
    host, port, username, password = (
        (task.host, task.port, task.username, task.password) if task is not None else (None,) * 4
    )
    if config is not None:
        host, port = config.host, config.port or port
        username, password = config.username or username, config.password or password
    if not host:
        raise TaskFailed(Reason.BAD_CONNECTION, "Neither the task nor a connection names a host.")
    if not username:
        raise TaskFailed(Reason.BAD_CONNECTION, "Neither the task nor its connection names a user.")
    return SshLogin(
        host=host,
        port=port or SshConfig.default_port or 22,
        username=username,
        password=password,
        private_key=config.private_key if config else None,
        passphrase=config.passphrase if config else None,
        known_hosts=config.known_hosts if config else None,
        verify_host=config.verify_host if config else True,
    )


@asynccontextmanager
async def ssh_connected(login: SshLogin) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection that is closed in the end. Raises TaskFailed.

    Nothing of the agent's own account is used to log in: no keys, no key agent, no configuration.
    """
    keys = await asyncio.to_thread(_keys, login)
    known = await asyncio.to_thread(_known_hosts, login) if login.verify_host else None
    if not keys and login.password is None:
        raise TaskFailed(
            Reason.BAD_CONNECTION, "There is neither a password nor a private key to log in with."
        )
    connection = await _connect(login, keys, known)
    try:
        yield connection
    finally:
        connection.close()
        with suppress(TimeoutError, OSError, asyncssh.Error):
            async with asyncio.timeout(_CLOSE_SECS):
                await connection.wait_closed()
        connection.abort()


async def _connect(
    login: SshLogin, keys: list[asyncssh.SSHKey], known: asyncssh.SSHKnownHosts | None
) -> asyncssh.SSHClientConnection:
    checking = _HostKeyCheck(known)
    try:
        async with asyncio.timeout(CONNECT_SECS):
            return await asyncssh.connect(
                login.host,
                login.port,
                username=login.username,
                password=login.password,
                client_keys=keys or None,
                known_hosts=known,
                client_factory=lambda: checking,
                config=None,
                agent_path=None,
                gss_host=None,
                keepalive_interval=_ALIVE_SECS,
                login_timeout=CONNECT_SECS,
            )
    except asyncssh.PermissionDenied as error:
        raise login_refused(login.name, error.reason) from None
    except asyncssh.HostKeyNotVerifiable as error:
        raise could_not_connect(login.name, checking.complaint or error.reason) from None
    except TimeoutError:
        raise could_not_connect(login.name, f"no answer within {CONNECT_SECS:g} s") from None
    except (OSError, asyncssh.Error, ValueError) as error:
        raise could_not_connect(login.name, error) from None


class _HostKeyCheck(asyncssh.SSHClient):
    """Hears of host keys that are not known, and remembers what to say of them."""

    def __init__(self, known: asyncssh.SSHKnownHosts | None) -> None:
        self._known = known
        self.complaint = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Never takes it."""
        shown = f"{key.get_algorithm()} {key.get_fingerprint()}"
        has_others = self._known is not None and bool(self._known.match(host, addr, port)[0])
        self.complaint = (
            f"its host key {shown} is not the one that is known: somebody else may be answering"
            if has_others
            else f"its host key {shown} is not known; if it is right, add it to known_hosts"
        )
        return False


def _keys(login: SshLogin) -> list[asyncssh.SSHKey]:
    if login.private_key is None:
        return []
    try:
        return [asyncssh.import_private_key(login.private_key, login.passphrase)]
    except asyncssh.KeyEncryptionError:
        why = "its passphrase is wrong or missing"
    except (asyncssh.KeyImportError, ValueError):
        # Not the driver's text: it may quote the key.
        why = "it is no private key, or needs a passphrase"
    raise TaskFailed(Reason.LOGIN_FAILED, f"The private key can't be used: {why}.")


def _known_hosts(login: SshLogin) -> asyncssh.SSHKnownHosts:
    text = login.known_hosts
    if text is None:
        text = "\n".join(_text_of(file) for file in (_own_file(), _OF_ALL_ACCOUNTS))
    try:
        return asyncssh.import_known_hosts(text)
    except ValueError as error:
        raise TaskFailed(Reason.BAD_CONNECTION, "The known hosts can't be read.", error) from None


def _own_file() -> Path:
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:  # a number without a name
        home = "/"
    return Path(home) / ".ssh" / "known_hosts"


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""
