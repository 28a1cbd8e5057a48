"""`make dev`: the demo's fleet, kept running, with its data in ./.tocsin."""

import json
import secrets
import signal
import sys
from pathlib import Path

from deploy.fleet import Fleet

DIRECTORY = Path(".tocsin")
PORT = 8080


def main() -> None:
    """Start, say how to reach it, and stay until interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    DIRECTORY.mkdir(exist_ok=True)
    keys, is_first_start = _keys(DIRECTORY / "keys.json")
    _say(f"Starting PostgreSQL, a controller and two agents (data and logs in {DIRECTORY}/) ...")
    with Fleet(DIRECTORY.absolute(), PORT, keys["admin"], keys["agent"]) as fleet:
        if is_first_start:
            _say(f"Admin key: {keys['admin']}\nAgent key: {keys['agent']}")
            _say(f"(shown this once; kept in {DIRECTORY}/keys.json)")
        _say(f"Ready on {fleet.url}. Try:  export TOCSIN_URL={fleet.url} TOCSIN_KEY=<admin key>")
        _say("           .venv/bin/tocsin agents ls      (stop with Ctrl-C)")
        fleet.wait()
        raise SystemExit(f"the controller ended:\n{fleet.log_tail('controller')}")


def _keys(path: Path) -> tuple[dict[str, str], bool]:
    """The keys of this data directory, made at the first start."""
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text())
        return known, False
    made = {role: f"tsk_{secrets.token_urlsafe(32)}" for role in ("admin", "agent")}
    path.touch(mode=0o600)
    path.write_text(json.dumps(made))
    return made, True


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.")
    except RuntimeError as error:
        sys.exit(str(error))
