"""The process of one script: calls `main` with a Request on its standard input.

Nothing is imported before it is needed: starting costs more than most scripts do. No time limit is kept here but that
of the processor; the keeper sees to the rest, and can end this in the middle of native code.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import starlark as sl

from tocsin_agent.tasks.script import texts
from tocsin_agent.tasks.script.commands import refuse_command, shell_exec
from tocsin_agent.tasks.script.failing import ExitCode, ScriptEnded
from tocsin_agent.tasks.script.language import BadScript, dialect, global_names, parse, told
from tocsin_agent.tasks.script.prelude import PRELUDE

_MOST_CALLS_DEEP: Final = 200


def main() -> None:
    """Read the request, run the script, and end with an ExitCode."""
    request: dict[str, Any] = json.load(sys.stdin.buffer)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  a descriptor is what is wanted
        os.dup2(nothing.fileno(), 0)
    _limit(request["memory_bytes"], request["cpu_secs"], may_start_commands=request["may_start_commands"])
    sys.exit(_Script(request).run())


def _limit(memory_bytes: int, cpu_secs: int, *, may_start_commands: bool) -> None:
    """On top of what the interpreter has taken by now."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  pathlib takes longer to load than all of this
        taken = int(file.read().split()[0]) * resource.getpagesize()
    _at_most(resource.RLIMIT_AS, taken + memory_bytes)
    # A second more than what is looked at in between: this ends native code that never comes back.
    _at_most(resource.RLIMIT_CPU, cpu_secs + 1)
    _at_most(resource.RLIMIT_CORE, 0)
    if not may_start_commands:
        _at_most(resource.RLIMIT_FSIZE, 0)
        _at_most(resource.RLIMIT_NPROC, 0)


def _at_most(kind: int, limit: int) -> None:
    """The agent may have less itself, and nobody gets more than that."""
    _, hard = resource.getrlimit(kind)
    most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    # Above the soft limit for the processor comes its signal, at the hard one SIGKILL, which says less.
    resource.setrlimit(kind, (most, hard if kind == resource.RLIMIT_CPU else most))


class _Script:
    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._ended: ScriptEnded | None = None
        self._globals = global_names()
        self._module = sl.Module()
        self._options = sl.EvalOptions(
            check_cancelled=self._check_processor_time, max_callstack_size=_MOST_CALLS_DEEP
        )

    def run(self) -> ExitCode:
        """All of it. What went wrong is the last line on stderr."""
        try:
            code = parse(self._request["code"])
        except BadScript as error:
            return self._failed(str(error))
        self._offer()
        try:
            self._evaluate(sl.parse("prelude", PRELUDE, dialect()))
            self._evaluate(code)
            self._evaluate(
                sl.parse("end", f"_finish({'main()' if self._has_main() else 'result'})", dialect())
            )
        except sl.StarlarkError as error:
            if isinstance(self._ended, ScriptEnded):
                return self._failed(str(self._ended), self._ended.code)
            _write(2, str(error).rstrip())
            message, line = told(error)
            return self._failed(f"line {line}: {message}" if line else message)
        except BaseException as error:
            # The interpreter's panics are no Exceptions. Most of its allocations end the process by themselves.
            if isinstance(error, MemoryError) or "out of memory" in str(error):
                os.abort()
            raise
        return ExitCode.DONE

    def _offer(self) -> None:
        request = self._request
        for name, value in (
            ("params", request["params"]),
            ("vars", request["vars"]),
            ("_job", request["job"]),
        ):
            self._module[name] = value
        self._module["result"] = None
        functions: dict[str, Callable[..., Any]] = {
            "_print": lambda text: _write(1, text),
            "_debug": lambda text: _write(2, text),
            "_final": lambda text: _write(1, text),
            "_fail": _fail,
            "_http": self._network("http"),
            "_tcp_send": self._network("tcp_send"),
            "_udp_send": self._network("udp_send"),
            "_shell_exec": self._shell_exec(),
            "_regex_find": texts.regex_find,
            "_regex_find_all": texts.regex_find_all,
            "_regex_replace": texts.regex_replace,
            "hex_encode": texts.hex_encode,
            "hex_decode": texts.hex_decode,
            "url_encode": texts.url_encode,
            "_now": texts.now,
            "sleep_ms": texts.sleep_ms,
            "_format_time": texts.format_time,
            "_parse_time": texts.parse_time,
        }
        for name, function in functions.items():
            self._module.add_callable(name, self._noting(function))

    def _noting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function; how it ended the script is kept, which the interpreter only knows as a text."""

        def noting(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except ScriptEnded as ended:
                self._ended = ended
                raise
            except MemoryError:
                os.abort()

        return noting

    def _network(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            from tocsin_agent.tasks.script.network import Network
            from tocsin_shared.network import Reach

            given = self._request["reach"]
            reach = Reach(given["default"], tuple(given["allow"]), tuple(given["deny"]))
            return getattr(Network(reach), name)(*args)

        return call

    def _shell_exec(self) -> Callable[..., Any]:
        return shell_exec if self._request["may_start_commands"] else refuse_command

    def _evaluate(self, code: sl.AstModule) -> Any:
        return sl.eval_with(self._options, self._module, code, self._globals).value

    def _has_main(self) -> bool:
        try:
            return bool(self._evaluate(sl.parse("end", 'type(main) == "function"', dialect())))
        except sl.StarlarkError:  # there is nothing of that name
            return False

    def _check_processor_time(self) -> bool:
        if time.process_time() > self._request["cpu_secs"]:
            _write(2, f"The script took more than {self._request['cpu_secs']} s of processor time.")
            signal.signal(signal.SIGXCPU, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGXCPU)
        return False

    def _failed(self, message: str, code: ExitCode = ExitCode.FAILED) -> ExitCode:
        _write(2, " ".join(message.split()) or "failed without a message")
        return code


def _fail(message: str) -> None:
    raise ScriptEnded(message)


def _write(descriptor: int, text: str) -> None:
    """At once, so that it can be watched."""
    data = memoryview(f"{text}\n".encode("utf-8", "replace"))
    while data:
        data = data[os.write(descriptor, data) :]
