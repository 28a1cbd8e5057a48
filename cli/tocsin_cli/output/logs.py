"""Prints what executions write, line by line: with the host's name in front when there are several."""

import sys
from typing import Final

import click

from tocsin_cli.output.neutral import terminal_line, visible
from tocsin_cli.output.printer import Printer

#: How the stream route marks lines of standard error.
STDERR_MARK: Final = "[stderr] "
_RESET: Final = "\x1b[0m"
_HOST_COLOURS: Final = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan", "bright_yellow")


class LogPrinter:
    """The output of one or several executions, as lines."""

    def __init__(self, out: Printer, hosts: dict[str, str] | None = None) -> None:
        self._out = out
        #: The host of each execution, when lines are to be marked with it.
        self._hosts = hosts or {}
        self._stderr_is_terminal = sys.stderr.isatty()

    def mark(self, execution_id: str, host: str) -> None:
        """From now on, lines of this execution begin with its host."""
        self._hosts[execution_id] = host

    def line(self, execution_id: str, line: str) -> None:
        """One line as the stream sent it; lines of standard error go to ours."""
        is_stderr = line.startswith(STDERR_MARK)
        if is_stderr:
            line = line.removeprefix(STDERR_MARK)
        if self._out.is_json:
            stream = "stderr" if is_stderr else "stdout"
            self._out.json_line({"execution_id": execution_id, "stream": stream, "line": line})
            return
        prefix = self._prefix(execution_id)
        # The stream turns a carriage return inside a line (progress bars) into a line end.
        for part in line.split("\n"):
            if self._stderr_is_terminal if is_stderr else self._out.is_terminal:
                part = terminal_line(part, colour=self._out.colour)
                # What a job leaves coloured must not run into the next host's name.
                part += _RESET if _RESET[:2] in part else ""
            click.echo(prefix + part, err=is_stderr, color=True)
        if not is_stderr:
            sys.stdout.flush()

    def _prefix(self, execution_id: str) -> str:
        host = self._hosts.get(execution_id)
        if host is None:
            return ""
        width = max(len(visible(name)) for name in self._hosts.values())
        shown = f"{visible(host):<{width}} | "
        if not self._out.colour:
            return shown
        position = sorted(set(self._hosts.values())).index(host)
        return click.style(shown, fg=_HOST_COLOURS[position % len(_HOST_COLOURS)])
