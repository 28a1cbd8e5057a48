"""Who this agent is: the directory it keeps to itself, its name and the secret that only it knows."""

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from tocsin_agent.files import write_atomically
from tocsin_shared.logs import log
from tocsin_shared.wire import dumps, loads

#: What a disk says when it is full, broken or read-only for now: it may heal without anybody changing a setting.
PASSING_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE})


class StateError(Exception):
    """The state directory can't be used; the message says why and what to do."""


class DiskTrouble(StateError):
    """The state directory can't be used for now: its disk is full, broken or read-only. Worth another try."""


def state_error(message: str, error: OSError) -> StateError:
    """The right kind of StateError."""
    return DiskTrouble(message) if error.errno in PASSING_ERRORS else StateError(message)


class StateDir:
    """The agent's directory (0700), which one process at a time may use.

    ```
    identity.json   name, id and credential (0600)
    lock            held while an agent runs
    journal/        what was accepted, started and ended; output on its way (crash record and outbox)
    vitals          last contact and the like, for `tocsin-agent status`
    refused/        results that the controller did not want, bounded
    ```
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_fd: int | None = None

    @property
    def identity_file(self) -> Path:
        """Name, id and credential."""
        return self.path / "identity.json"

    @property
    def journal_dir(self) -> Path:
        """Crash record and outbox."""
        return self.path / "journal"

    @property
    def refused_dir(self) -> Path:
        """Results that nobody wanted."""
        return self.path / "refused"

    @property
    def vitals_file(self) -> Path:
        """How the agent stands with its controller and its disk."""
        return self.path / "vitals"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directory and keep other agents out of it. Raises StateError. May be nested."""
        if self._lock_fd is not None:
            yield
            return
        self._prepare()
        try:
            fd = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise state_error(f"{self.path}/lock can't be opened: {error.strerror}", error) from error
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StateError(
                    f"another agent is running with {self.path}; give this one its own --state-dir"
                ) from None
            with suppress(OSError):  # only for people; a full disk must not keep the agent from starting
                os.ftruncate(fd, 0)
                os.write(fd, f"{os.getpid()}\n".encode())
            self._lock_fd = fd
            yield
        finally:
            self._lock_fd = None
            os.close(fd)

    def holder_pid(self) -> int | None:
        """The process that uses the directory right now, if any. Needs no lock of its own."""
        try:
            fd = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            text = os.read(fd, 32).decode("ascii", "replace").strip()
            return int(text) if text.isdigit() else None
        finally:
            os.close(fd)
        return None

    def _prepare(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_uid == os.geteuid():
                self.path.chmod(0o700)
            if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write")
        except OSError as error:
            raise state_error(
                f"the state directory {self.path} can't be used ({error.strerror}); set --state-dir", error
            ) from error


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes this agent the same one after a restart."""

    name: str
    #: Given by the controller; None until the first registration.
    agent_id: UUID | None = None
    #: Made here before the first registration; the controller only ever learns its SHA-256.
    credential: str = field(default_factory=lambda: f"tca_{secrets.token_urlsafe(32)}", repr=False)
    #: What tells this directory from a copy of it: the controller knows the newest mark, and each registration
    #: moves on from `state_mark` to `next_state_mark`. Both stand here until the answer has come.
    state_mark: UUID | None = None
    next_state_mark: UUID | None = None
    #: The newest epoch that a controller spoke of; older ones have nothing to say.
    epoch: int = 0

    @property
    def credential_sha256(self) -> str:
        """What the controller is told of the credential."""
        return hashlib.sha256(self.credential.encode()).hexdigest()

    @classmethod
    def read(cls, state: StateDir) -> Self | None:
        """The stored identity, or None when there is none. Raises StateError for a damaged one."""
        try:
            fields = loads(state.identity_file.read_bytes())
            return cls(
                name=str(fields["name"]),
                agent_id=_uuid(fields["agent_id"]),
                credential=str(fields["credential"]),
                state_mark=_uuid(fields.get("state_mark")),
                next_state_mark=_uuid(fields.get("next_state_mark")),
                epoch=int(fields.get("epoch", 0)),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"{state.identity_file} can't be read ({error}); restore it, "
                "or move it away to register as a new agent"
            ) from error

    @classmethod
    def open(cls, state: StateDir, name: str) -> Self:
        """The stored identity under this name, made and stored first if there is none. Needs the lock."""
        identity = cls.read(state)
        if identity is None:
            identity = cls(name)
            identity.store(state)
        elif identity.name != name:
            identity = replace(identity, name=name)
            identity.store(state)
        return identity

    def ready_to_register(self, state: StateDir) -> Self:
        """The identity with the marks to present, on disk before anybody hears of them.

        An answer that was lost, or a crash before it was written down, leaves both marks: they are presented again.
        When the disk takes nothing, the mark does not move on.
        """
        if self.next_state_mark is not None and self.next_state_mark != self.state_mark:
            return self
        moved = replace(self, next_state_mark=uuid4())
        try:
            moved.store(state)
        except DiskTrouble as error:
            log.error("identity_not_written", error=str(error))
            return replace(self, next_state_mark=self.state_mark)
        return moved

    def as_registered(self, state: StateDir, agent_id: UUID, epoch: int) -> Self:
        """What an accepted registration makes of it; on disk unless that takes nothing."""
        accepted = replace(
            self,
            agent_id=agent_id,
            state_mark=self.next_state_mark,
            next_state_mark=None,
            epoch=max(self.epoch, epoch),
        )
        try:
            accepted.store(state)
        except DiskTrouble as error:
            # What stands there is as good: it is accepted again, as a repeat.
            log.error("identity_not_written", error=str(error))
        return accepted

    def store(self, state: StateDir) -> None:
        """Write it so that a crash leaves either the old or the new one. Raises StateError."""
        content = {
            "name": self.name,
            "agent_id": str(self.agent_id) if self.agent_id else None,
            "credential": self.credential,
            "state_mark": str(self.state_mark) if self.state_mark else None,
            "next_state_mark": str(self.next_state_mark) if self.next_state_mark else None,
            "epoch": self.epoch,
        }
        try:
            write_atomically(state.identity_file, dumps(content) + b"\n")
        except OSError as error:
            raise state_error(f"{state.identity_file} can't be written: {error.strerror}", error) from error


def _uuid(value: str | None) -> UUID | None:
    return UUID(value) if value else None
