"""Reads scripts without running them: `python -m tocsin_agent.tasks.script.checking`, for whoever stores them.

Standard input is a JSON list of codes; the answer is one of the same length, with `[line, message]` for what can't be
read and null for the rest. In a process of its own, because the parser overflows its stack on code that is nested
without end.
"""

import json
import resource
import sys
from typing import Final

from tocsin_agent.tasks.script.language import BadScript, parse

#: Of this process; the code of one script has a megabyte at most.
MEMORY_BYTES: Final = 2 * 1024 * 1024 * 1024
CPU_SECS: Final = 20


def main() -> None:
    """One answer, and the end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECS, CPU_SECS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    codes: list[str] = json.load(sys.stdin)
    json.dump([_problem(code) for code in codes], sys.stdout)


def _problem(code: str) -> tuple[int, str] | None:
    try:
        parse(code)
    except BadScript as error:
        return error.line, str(error)
    return None


if __name__ == "__main__":
    main()
