"""What a transfer needs of the other side, whatever protocol it speaks."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


class CannotResume(Exception):
    """The server can't go on in the middle of a file."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What is known of a file over there."""

    size: int | None
    #: Changes when the file does; None when the server does not say.
    version: str | None


class Reading(Protocol):
    """A file that comes."""

    async def read(self) -> bytes:
        """The next piece; empty at the end."""
        ...


class Writing(Protocol):
    """A file that goes."""

    async def write(self, data: bytes) -> None:
        """The next piece."""
        ...


class Remote(Protocol):
    """A server to which a login succeeded. Everything raises TaskFailed when it fails."""

    #: The server, for messages.
    name: str
    #: Whether what there is of a file that was cut off is all of its beginning.
    writes_in_order: bool

    async def look(self, path: str) -> RemoteFile | None:
        """What is known of a file; None when there is none."""
        ...

    def reading(self, path: str, offset: int) -> AbstractAsyncContextManager[Reading]:
        """Read it from there on; leaving without an error means that the server sent all. Raises CannotResume."""
        ...

    def writing(self, path: str, offset: int) -> AbstractAsyncContextManager[Writing]:
        """Write it from there on; leaving without an error means that the server has all. Raises CannotResume."""
        ...

    async def rename(self, path: str, to: str) -> None:
        """Give a file another name, in place of what has that name."""
        ...

    async def remove(self, path: str) -> None:
        """Remove a file."""
        ...
