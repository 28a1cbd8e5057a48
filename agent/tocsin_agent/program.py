"""`tocsin-agent run` and programs like it: options, settings, and what the process ends with."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from pydantic import ValidationError

if TYPE_CHECKING:
    from tocsin_agent.offer import Offer
    from tocsin_agent.settings import AgentSettings

#: sysexits.h EX_CONFIG: systemd is told not to restart on it.
EXIT_BAD_CONFIGURATION = 78
#: sysexits.h EX_IOERR: the disk is full, broken or read-only for now; systemd starts the agent again.
EXIT_DISK_TROUBLE = 74
#: Another process speaks for this agent now.
EXIT_SUPERSEDED = 75


_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with settings."
    ),
    click.option("--controller", metavar="URL", help="Address of the controller."),
    click.option(
        "--key", help="Key for the first registration. Others see it in the process list: prefer --key-file."
    ),
    click.option(
        "--key-file", type=click.Path(path_type=Path, dir_okay=False), help="File that holds the key."
    ),
    click.option("--name", help="Name of this agent (default: the hostname)."),
    click.option("--tags", metavar="A,B", help="Labels that jobs can target."),
    click.option("--capacity", type=click.IntRange(1), help="How many executions run at once."),
    click.option(
        "--state-dir", type=click.Path(path_type=Path, file_okay=False), help="Identity and journal."
    ),
    click.option(
        "--ca-file", type=click.Path(path_type=Path, dir_okay=False), help="Certificates (PEM) to trust."
    ),
    click.option(
        "--policy-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="What jobs may do on this host (TOML).",
    ),
    click.option(
        "--stop",
        type=click.Choice(["drain", "handover"]),
        help="What SIGTERM means: see below (default: drain).",
    ),
    click.option(
        "--drain-grace", "drain_grace_secs", type=float, metavar="SECS", help="Time to finish after SIGTERM."
    ),
    click.option("--log-format", type=click.Choice(["console", "json"])),
    click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"])),
)


def run_options(function: _Command) -> _Command:
    """A decorator for a command: the options of `tocsin-agent run`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def run_program(
    config: Path | None,
    flags: dict[str, Any],
    *,
    load: "Callable[..., AgentSettings] | None" = None,
    offer: "Offer | None" = None,
) -> None:
    """An agent until it is stopped. Ends the process when that can't be. `load` reads the settings of another kind of
    agent than ours, `offer` is what that one does.
    """
    from tocsin_shared.garbage import collect_less, keep_what_is_loaded

    collect_less()
    import uvloop

    from tocsin_agent.daemon import Superseded
    from tocsin_agent.http_link import check_url
    from tocsin_agent.identity import DiskTrouble, StateError
    from tocsin_agent.policy import Refused
    from tocsin_agent.policy.file import BadPolicy, read_policy
    from tocsin_agent.registration import Cloned
    from tocsin_agent.service import serve
    from tocsin_agent.settings import AgentSettings
    from tocsin_shared.logs import configure_logging

    try:
        settings = (load or AgentSettings.load)(config, **flags)
        settings.enrolment_key  # noqa: B018  reads the file now, so that a missing one shows here
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        die("bad settings: " + "; ".join(problems), EXIT_BAD_CONFIGURATION)
    except (OSError, ValueError) as error:
        die(f"the configuration can't be read: {error}", EXIT_BAD_CONFIGURATION)
    if not settings.controller:
        die("no controller: set --controller or TOCSIN_AGENT_CONTROLLER", EXIT_BAD_CONFIGURATION)
    if problem := check_url(settings.controller, allow_plain_http=settings.allow_plain_http):
        die(problem, EXIT_BAD_CONFIGURATION)
    if settings.ca_file and not settings.controller.startswith("https:"):
        die("ca_file is set, but the controller's address has no TLS", EXIT_BAD_CONFIGURATION)
    try:
        policy = read_policy(settings.policy_file)
        policy.check_controller(settings.controller)
    except (BadPolicy, Refused) as error:
        die(str(error), EXIT_BAD_CONFIGURATION)
    if flags["key"]:
        click.echo("tocsin-agent: --key shows in the process list; --key-file does not", err=True)
    configure_logging(settings.log_format, settings.log_level)
    keep_what_is_loaded()
    try:
        uvloop.run(serve(settings, policy, offer))
    except DiskTrouble as error:
        die(str(error), EXIT_DISK_TROUBLE)
    except (StateError, Cloned) as error:
        die(str(error), EXIT_BAD_CONFIGURATION)
    except Superseded as error:
        die(str(error), EXIT_SUPERSEDED)


def die(message: str, code: int = 1) -> NoReturn:
    """One line, and the end."""
    click.echo(f"tocsin-agent: {message}", err=True)
    sys.exit(code)
