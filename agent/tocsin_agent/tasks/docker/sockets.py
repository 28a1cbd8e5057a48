"""Where the engine listens on this host. Light: every agent asks when it starts."""

import os
from pathlib import Path
from typing import Final

from tocsin_shared.logs import log

_SCHEME: Final = "unix://"
#: Docker, then Podman, each as it is installed; `{uid}` is the agent's account.
_USUAL: Final = (
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/user/{uid}/docker.sock",
    "/run/podman/podman.sock",
    "/run/user/{uid}/podman/podman.sock",
)


def find_engine(configured: Path | None = None) -> Path | None:
    """The engine's socket: the configured one, else that of DOCKER_HOST, else where it usually is.

    None when there is none that this account may use.
    """
    host = str(configured) if configured is not None else os.environ.get("DOCKER_HOST", "")
    if not host:
        paths = (Path(usual.format(uid=os.geteuid())) for usual in _USUAL)
        return next((path for path in paths if _is_usable(path)), None)
    named = Path(host.removeprefix(_SCHEME))
    if named.is_absolute() and _is_usable(named):
        return named
    # Somebody has named it, so its absence is worth a word.
    log.warning("docker_build_not_offered", why=f"{host} is no socket that this account may use")
    return None


def _is_usable(path: Path) -> bool:
    try:
        return path.is_socket() and os.access(path, os.R_OK | os.W_OK)
    except OSError:
        return False
