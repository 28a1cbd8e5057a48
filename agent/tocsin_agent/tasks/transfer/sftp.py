"""SFTP, by SSH."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Final, cast

import asyncssh

from tocsin_agent.tasks.ssh.connecting import SshLogin, ssh_connected
from tocsin_agent.tasks.transfer.remote import RemoteFile
from tocsin_agent.tasks.transfer.telling import telling

_READ_BYTES: Final = 1024 * 1024


@asynccontextmanager
async def sftp_connected(login: SshLogin) -> AsyncIterator["SftpRemote"]:
    """A server that has taken the login. Raises TaskFailed."""
    async with ssh_connected(login) as connection:
        with _telling(f"Starting SFTP on {login.name}"):
            client = await connection.start_sftp_client()
        try:
            yield SftpRemote(login.name, client)
        finally:
            client.exit()


class SftpRemote:
    """See `remote.Remote`."""

    #: Pieces are cut into requests that are under way together.
    writes_in_order = False

    def __init__(self, name: str, client: asyncssh.SFTPClient) -> None:
        self.name = name
        self._client = client

    async def look(self, path: str) -> RemoteFile | None:
        """By stat."""
        with _telling(f"Looking at {path} on {self.name}"):
            try:
                found = await self._client.stat(path)
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                return None
        version = None if found.mtime is None else f"{found.mtime}.{found.mtime_ns or 0}"
        return RemoteFile(found.size, version)

    @asynccontextmanager
    async def reading(self, path: str, offset: int) -> AsyncIterator["_File"]:
        """From there on."""
        doing = f"Reading {path} from {self.name}"
        with _telling(doing):
            file = await self._client.open(path, asyncssh.FXF_READ, encoding=None)
        try:
            yield _File(file, offset, doing)
        finally:
            with suppress(OSError, asyncssh.Error):
                await file.close()

    @asynccontextmanager
    async def writing(self, path: str, offset: int) -> AsyncIterator["_File"]:
        """From there on; durable in the end where the server can do that."""
        doing = f"Writing {path} to {self.name}"
        how = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | (0 if offset else asyncssh.FXF_TRUNC)
        with _telling(doing):
            file = await self._client.open(path, how, encoding=None)
        is_written = False
        try:
            yield _File(file, offset, doing)
            with _telling(doing):
                with suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()
                is_written = True
                await file.close()
        finally:
            if not is_written:
                with suppress(OSError, asyncssh.Error):
                    await file.close()

    async def rename(self, path: str, to: str) -> None:
        """In one step, in place of what has the name. Servers without that refuse when there is something."""
        with _telling(f"Renaming {path} to {to} on {self.name}"):
            try:
                await self._client.posix_rename(path, to)
            except asyncssh.SFTPOpUnsupported:
                await self._client.rename(path, to)

    async def remove(self, path: str) -> None:
        """Remove a file."""
        with _telling(f"Removing {path} from {self.name}"):
            await self._client.remove(path)


class _File:
    """A file on its way."""

    def __init__(self, file: asyncssh.SFTPClientFile, offset: int, doing: str) -> None:
        self._file = file
        self._offset = offset
        self._doing = doing

    async def read(self) -> bytes:
        """The next piece; empty at the end."""
        with _telling(self._doing):
            # Typed as text, which it is for files that are opened with an encoding.
            piece: bytes = cast("bytes", await self._file.read(_READ_BYTES, self._offset))
        self._offset += len(piece)
        return piece

    async def write(self, data: bytes) -> None:
        """The next piece."""
        with _telling(self._doing):
            await self._file.write(data, self._offset)
        self._offset += len(data)


def _telling(doing: str) -> AbstractContextManager[None]:
    return telling(doing, _why)


def _why(error: Exception) -> object | None:
    match error:
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return "there is no such file or directory"
        case asyncssh.SFTPPermissionDenied():
            return "the server does not permit it"
        case asyncssh.SFTPFailure():
            # All that most servers say of a full disk, too.
            return f"{error.reason}; the server says no more, its disk may be full"
        case asyncssh.SFTPConnectionLost() | asyncssh.ConnectionLost() | asyncssh.DisconnectError():
            return f"the connection was lost: {error.reason}"
        case asyncssh.Error() | OSError() | ValueError():
            return error
    return None
