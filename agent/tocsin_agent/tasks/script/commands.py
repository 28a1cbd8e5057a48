"""Commands that scripts start, where the agent's policy lets them."""

from collections.abc import Mapping
from typing import Any, Final

from tocsin_agent.tasks.script.failing import ExitCode, ScriptEnded

_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


def shell_exec(command: str, stdin: str, env: Mapping[str, str]) -> dict[str, Any]:
    """What `/bin/sh -c` makes of it: `exit_code` (negative: a signal), `stdout`, `stderr`."""
    import os
    import subprocess

    from tocsin_agent.runtime.spec import EXECUTION_ID_VARIABLE

    # Last, so that no script can take its processes out of sight by renaming them.
    mark = {EXECUTION_ID_VARIABLE: os.environ.get(EXECUTION_ID_VARIABLE, "")}
    done = subprocess.run(  # noqa: S603  the owner of this host has allowed it
        ["/bin/sh", "-c", command],
        input=stdin.encode(),
        capture_output=True,
        env={**_ENVIRONMENT, **env, **mark},
        cwd="/",
        check=False,
    )
    out, err = (data.decode("utf-8", "replace") for data in (done.stdout, done.stderr))
    return {"exit_code": done.returncode, "stdout": out, "stderr": err}


def refuse_command(_command: str, _stdin: str, _env: Mapping[str, str]) -> dict[str, Any]:
    """Where the policy does not let them."""
    message = "This agent's policy does not let scripts start commands (allow_script_shell, run_as)."
    raise ScriptEnded(message, ExitCode.COMMAND_REFUSED)
