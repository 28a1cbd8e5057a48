"""Scripts that are written to a file and run by their interpreter, as shell commands."""

import re
from typing import Final

#: Of one variable in the environment Linux takes no more than 128 KiB.
LONGEST_SCRIPT_BYTES: Final = 120_000


def interpreter_of(script: str) -> str:
    """What its first line says; the shell otherwise."""
    shebang = re.match(r"#!\s*(.+)", script)
    return shebang[1].strip() if shebang else "/bin/sh"


def run_script(variable: str, run: str) -> str:
    """Runs `run`, in which `$script` is a file with what the environment's `variable` holds."""
    lines = [
        "script=$(mktemp) || exit",
        "trap 'rm -f \"$script\"' EXIT",
        f'printf \'%s\\n\' "${variable}" >"$script"',
        run,
    ]
    return "\n".join(lines)
