"""The `tocsin` command: its table of commands, and how it ends."""

import io
import os
import sys
from typing import Any, Final, TextIO

import click

from tocsin_cli.exit_codes import ExitCode
from tocsin_cli.failures import Failure
from tocsin_cli.global_options import global_options
from tocsin_cli.lazy import Lazy, LazyGroup
from tocsin_cli.output.neutral import visible_lines

_C: Final = "tocsin_cli.commands"

SECTIONS: Final = {
    "Jobs and runs": {
        "jobs": Lazy(f"{_C}.jobs:jobs", "Show, create, change and delete jobs."),
        "apply": Lazy(f"{_C}.apply:apply", "Make jobs be as files say, all of it or nothing."),
        "diff": Lazy(f"{_C}.apply:diff", "Show how jobs differ from what files say; exits with 2 when they do."),
        "import": Lazy(f"{_C}.importing:importing", "Take over jobs of other schedulers: crontabs, systemd timers."),
        "export": Lazy(f"{_C}.export:export", "Print jobs as documents for `tocsin apply`, or write them to files."),
        "calendars": Lazy(f"{_C}.calendars:calendars", "Show, save and delete days off and blackouts that jobs share."),
        "templates": Lazy(f"{_C}.templates:templates", "Show, save and delete what new jobs start from."),
        "outbox": Lazy(f"{_C}.outbox:outbox", "Show what could not be done, and have it tried again."),
        "pipelines": Lazy(f"{_C}.pipelines:pipelines", "Show, start and retry pipelines of jobs."),
        "groups": Lazy(f"{_C}.groups:groups", "Show, make, rename and delete groups of jobs."),
        "run": Lazy(f"{_C}.run:run", "Run jobs now, and follow them if wanted."),
        "replay": Lazy(f"{_C}.replay:replay", "Run again what ran before, as it was then."),
        "runs": Lazy(f"{_C}.runs:runs", "Show, cancel and retry runs."),
        "approve": Lazy(f"{_C}.approvals:approve", "Let runs go that wait for approval."),
        "reject": Lazy(f"{_C}.approvals:reject", "Cancel runs that wait for approval."),
        "executions": Lazy(f"{_C}.executions:executions", "Show and cancel single attempts on single hosts."),
        "why": Lazy(f"{_C}.why:why", "Say why a run ran, waits or did not run, and when a job does."),
        "search": Lazy(f"{_C}.search:search", "Find executions by what they wrote."),
        "logs": Lazy(f"{_C}.logs:logs", "Print what an execution, or all of a run, wrote."),
        "scripts": Lazy(f"{_C}.scripts:scripts", "Show, check, save and delete scripts, which jobs run by name."),
        "mcp": Lazy(f"{_C}.mcp:mcp", "Ask MCP servers for their tools."),
        "connections": Lazy(f"{_C}.connections:connections", "Show, change and try the servers that tasks name."),
        "variables": Lazy(f"{_C}.variables:variables", "Show and change the values that tasks use as {{NAME}}."),
    },
    "Fleet": {
        "top": Lazy(f"{_C}.top:top", "Watch the fleet and what runs on it."),
        "agents": Lazy(f"{_C}.agents:agents", "Show and remove agents."),
        "events": Lazy(f"{_C}.events:events", "Show what happened, or watch it happen."),
        "health": Lazy(f"{_C}.health:health", "Ask the controller whether it is well."),
    },
    "Access and setup": {
        "keys": Lazy(f"{_C}.keys:keys", "Create, show and revoke API keys."),
        "audit": Lazy(f"{_C}.audit:audit", "Show who changed what."),
        "settings": Lazy(f"{_C}.settings:settings", "Show and change what holds for the whole fleet."),
        "data": Lazy(f"{_C}.data:data", "Take everything out of an installation, and into another."),
        "profile": Lazy(f"{_C}.profile:profile", "Remember controllers and their keys under names."),
        "completion": Lazy(f"{_C}.completion:completion", "Print the script that completes commands in your shell."),
    },
}  # fmt: skip

EXIT_CODES: Final = """\
Exit codes: 0 done; 1 failed; 2 wrong usage, or a plan with changes; 3 no such thing; 4 key missing or not allowed; \
5 no controller answers; 6 conflict; 130 Ctrl-C. `run --follow` exits as the job's process did, \
with 124 when it timed out and 130 when it was cancelled."""


class Root(LazyGroup):
    """Turns whatever ends a command into one line on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except Failure as failure:
            click.echo(f"Error: {visible_lines(str(failure))}", err=True)
            code = failure.exit_code
        except BrokenPipeError:
            _drop_output()
            code = ExitCode.BROKEN_PIPE
        except (KeyboardInterrupt, click.Abort):
            code = ExitCode.CANCELLED
        else:
            return result
        raise click.exceptions.Exit(code)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """An example and the exit codes."""
        with formatter.section("Examples"):
            formatter.write("  tocsin jobs create hello --command 'echo hello' --cron '0 8 * * 1-5'\n")
            formatter.write("  tocsin run hello --follow\n")
        formatter.write_paragraph()
        formatter.write_text(EXIT_CODES)


root = Root(
    name="tocsin",
    help="Run jobs on fleets of Linux hosts: the command line of Tocsin.",
    params=[*global_options(hidden=False)],
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
root = click.version_option(package_name="tocsin", prog_name="tocsin")(root)


def main() -> None:
    """The entry point of the `tocsin` script."""
    sys.stdout = _dependable(sys.stdout)
    sys.stderr = _dependable(sys.stderr)
    root(prog_name="tocsin")


def _dependable(stream: TextIO) -> TextIO:
    """The stream, able to write any character, and without Python's `-u`: that loses what a pipe takes in parts."""
    if isinstance(stream, io.TextIOWrapper):
        if isinstance(stream.buffer, io.RawIOBase):
            return io.TextIOWrapper(
                io.BufferedWriter(stream.buffer), stream.encoding, "backslashreplace", line_buffering=True
            )
        stream.reconfigure(errors="backslashreplace")
    return stream


def _drop_output() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere instead of complaining."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
