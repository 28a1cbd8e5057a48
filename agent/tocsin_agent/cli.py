"""`tocsin-agent`: run, and status."""

import time
from pathlib import Path
from typing import Any

import click

from tocsin_agent.program import EXIT_BAD_CONFIGURATION, die, run_options, run_program


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tocsin-agent", prog_name="tocsin-agent")
def main() -> None:
    """Tocsin's agent: takes jobs from a controller and runs them on this host."""


@main.command()
@run_options
def run(config: Path | None, **flags: Any) -> None:
    """Run the agent until it is stopped.

    Every setting can also come from TOCSIN_AGENT_* variables or the TOML file; see docs/configuration.md.
    To drain (SIGTERM, SIGINT, SIGUSR2): running jobs finish (within --drain-grace), no more are taken. To hand
    over (SIGUSR1; SIGTERM with --stop handover): processes go on, and the next start adopts them. A second signal
    ends everything that runs.
    """
    run_program(config, flags)


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
        die(str(error))
    if found is None:
        die(f"no agent has run with {state_dir} yet")
    if as_json:
        click.echo(dumps(found.to_json()))
        return
    for line in found.to_lines():
        click.echo(line)


@main.command("check-policy")
@click.argument(
    "file", type=click.Path(path_type=Path, dir_okay=False), default=Path("/etc/tocsin/agent-policy.toml")
)
def check_policy(file: Path) -> None:
    """Say whether FILE is a policy, and what holds with it.

    FILE is /etc/tocsin/agent-policy.toml by default. Where mistakes are, exits with 78, as an agent would.
    """
    from tocsin_agent.policy.file import BadPolicy, read_policy
    from tocsin_agent.policy.telling import rules_of

    try:
        policy = read_policy(file)
    except BadPolicy as error:
        die(str(error), EXIT_BAD_CONFIGURATION)
    for rule in rules_of(policy):
        click.echo(rule)


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
        die(f"the agent runs (pid {pid}): stop it first, or cancel jobs through the controller")
    directory = state.journal_dir / OUTPUT_DIR
    keepers = living_keepers(directory).here
    for execution_id, keeper in keepers.items():
        end_kept(keeper, execution_id)
        click.echo(f"ending   {execution_id}")
    while living_keepers(directory).here:
        time.sleep(0.1)
    click.echo(f"ended    {len(keepers)} jobs")


if __name__ == "__main__":
    main()
