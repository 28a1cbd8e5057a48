"""`tocsin-agent`: run, and status."""

import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click
from pydantic import ValidationError

#: sysexits.h EX_CONFIG: systemd is told not to restart on it.
EXIT_BAD_CONFIGURATION = 78
#: sysexits.h EX_IOERR: the disk is full, broken or read-only for now; systemd starts the agent again.
EXIT_DISK_TROUBLE = 74
#: Another process speaks for this agent now.
EXIT_SUPERSEDED = 75


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tocsin-agent", prog_name="tocsin-agent")
def main() -> None:
    """Tocsin's agent: takes jobs from a controller and runs them on this host."""


@main.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with settings.")
@click.option("--controller", metavar="URL", help="Address of the controller.")
@click.option(
    "--key", help="Key for the first registration. Others see it in the process list: prefer --key-file."
)
@click.option("--key-file", type=click.Path(path_type=Path, dir_okay=False), help="File that holds the key.")
@click.option("--name", help="Name of this agent (default: the hostname).")
@click.option("--tags", metavar="A,B", help="Labels that jobs can target.")
@click.option("--capacity", type=click.IntRange(1), help="How many executions run at once.")
@click.option("--state-dir", type=click.Path(path_type=Path, file_okay=False), help="Identity and journal.")
@click.option(
    "--ca-file", type=click.Path(path_type=Path, dir_okay=False), help="Certificates (PEM) to trust."
)
@click.option(
    "--policy-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What jobs may do on this host (TOML).",
)
@click.option(
    "--stop", type=click.Choice(["drain", "handover"]), help="What SIGTERM means: see below (default: drain)."
)
@click.option(
    "--drain-grace", "drain_grace_secs", type=float, metavar="SECS", help="Time to finish after SIGTERM."
)
@click.option("--log-format", type=click.Choice(["console", "json"]))
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
def run(config: Path | None, **flags: Any) -> None:
    """Run the agent until it is stopped.

    Every setting can also come from TOCSIN_AGENT_* variables or the TOML file; see docs/configuration.md.
    To drain (SIGTERM, SIGINT, SIGUSR2): running jobs finish (within --drain-grace), no more are taken. To hand
    over (SIGUSR1; SIGTERM with --stop handover): processes go on, and the next start adopts them. A second signal
    ends everything that runs.
    """
    import uvloop

    from tocsin_agent.daemon import Superseded
    from tocsin_agent.http_link import check_url
    from tocsin_agent.identity import DiskTrouble, StateError
    from tocsin_agent.logs import configure_logging
    from tocsin_agent.policy import Refused
    from tocsin_agent.policy.file import BadPolicy, read_policy
    from tocsin_agent.registration import Cloned
    from tocsin_agent.service import serve
    from tocsin_agent.settings import AgentSettings
    from tocsin_shared.garbage import collect_less

    try:
        settings = AgentSettings.load(config, **flags)
        settings.enrolment_key  # noqa: B018  reads the file now, so that a missing one shows here
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        _die("bad settings: " + "; ".join(problems), EXIT_BAD_CONFIGURATION)
    except (OSError, ValueError) as error:
        _die(f"the configuration can't be read: {error}", EXIT_BAD_CONFIGURATION)
    if not settings.controller:
        _die("no controller: set --controller or TOCSIN_AGENT_CONTROLLER", EXIT_BAD_CONFIGURATION)
    if problem := check_url(settings.controller, allow_plain_http=settings.allow_plain_http):
        _die(problem, EXIT_BAD_CONFIGURATION)
    if settings.ca_file and not settings.controller.startswith("https:"):
        _die("ca_file is set, but the controller's address has no TLS", EXIT_BAD_CONFIGURATION)
    try:
        policy = read_policy(settings.policy_file)
        policy.check_controller(settings.controller)
    except (BadPolicy, Refused) as error:
        _die(str(error), EXIT_BAD_CONFIGURATION)
    if flags["key"]:
        click.echo("tocsin-agent: --key shows in the process list; --key-file does not", err=True)
    configure_logging(settings.log_format, settings.log_level)
    collect_less()
    try:
        uvloop.run(serve(settings, policy))
    except DiskTrouble as error:
        _die(str(error), EXIT_DISK_TROUBLE)
    except (StateError, Cloned) as error:
        _die(str(error), EXIT_BAD_CONFIGURATION)
    except Superseded as error:
        _die(str(error), EXIT_SUPERSEDED)


_state_dir_option = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/var/lib/tocsin-agent"),
    show_default=True,
    envvar="TOCSIN_AGENT_STATE_DIR",
)


@main.command()
@_state_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(state_dir: Path, as_json: bool) -> None:
    """Show what this agent runs, what it has not delivered yet, and how it stands with its controller and its disk.

    Works beside a running agent, which it does not disturb, and without one.
    """
    from tocsin_agent.identity import StateDir, StateError
    from tocsin_agent.status import read_status
    from tocsin_shared.wire import dumps

    try:
        found = read_status(StateDir(state_dir))
    except StateError as error:
        _die(str(error))
    if found is None:
        _die(f"no agent has run with {state_dir} yet")
    if as_json:
        click.echo(dumps(found.to_json()))
        return
    for line in found.to_lines():
        click.echo(line)


@main.command("end-jobs")
@_state_dir_option
def end_jobs(state_dir: Path) -> None:
    """End the jobs that a stopped agent left running.

    Each gets SIGTERM, its own grace, then SIGKILL; the agent's next start reports them as failed (agent_stopped).
    """
    from tocsin_agent.identity import StateDir
    from tocsin_agent.journal.journal import OUTPUT_DIR
    from tocsin_agent.runtime.adoption import end_kept, living_keepers

    state = StateDir(state_dir)
    if pid := state.holder_pid():
        _die(f"the agent runs (pid {pid}): stop it first, or cancel jobs through the controller")
    directory = state.journal_dir / OUTPUT_DIR
    keepers = living_keepers(directory).here
    for execution_id, keeper in keepers.items():
        end_kept(keeper, execution_id)
        click.echo(f"ending   {execution_id}")
    while living_keepers(directory).here:
        time.sleep(0.1)
    click.echo(f"ended    {len(keepers)} jobs")


def _die(message: str, code: int = 1) -> NoReturn:
    click.echo(f"tocsin-agent: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
