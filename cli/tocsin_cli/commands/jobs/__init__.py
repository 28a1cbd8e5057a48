"""`tocsin jobs`: one module for each of its commands."""

import click

from tocsin_cli.command import Group
from tocsin_cli.commands.jobs.backfill import backfill, backfills
from tocsin_cli.commands.jobs.bulk import bulk
from tocsin_cli.commands.jobs.create import create
from tocsin_cli.commands.jobs.delete import delete
from tocsin_cli.commands.jobs.diff import diff
from tocsin_cli.commands.jobs.edit import edit
from tocsin_cli.commands.jobs.generate import generate
from tocsin_cli.commands.jobs.ls import ls
from tocsin_cli.commands.jobs.next_fires import next_fires
from tocsin_cli.commands.jobs.pause import pause, resume
from tocsin_cli.commands.jobs.rollback import rollback
from tocsin_cli.commands.jobs.show import show
from tocsin_cli.commands.jobs.switch import disable, enable
from tocsin_cli.commands.jobs.targets import targets
from tocsin_cli.commands.jobs.versions import versions
from tocsin_cli.commands.jobs.webhook import webhook


@click.group(cls=Group)
def jobs() -> None:
    """Show, create, change and delete jobs.

    JOB is a name, an id, or the beginning of an id when it fits one job only.
    """


for _command in (
    ls,
    show,
    create,
    generate,
    edit,
    delete,
    enable,
    disable,
    pause,
    backfill,
    backfills,
    resume,
    next_fires,
    targets,
    versions,
    diff,
    rollback,
    webhook,
    bulk,
):
    jobs.add_command(_command)
