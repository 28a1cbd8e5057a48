"""Runs statements on a database, whose rows are the output."""

import functools

from tocsin_agent.policy.paths import Directories
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, drive, task_of
from tocsin_agent.tasks.sql.output import RowOutput
from tocsin_shared.connections.configs import MysqlConfig, PostgresConfig, SqliteConfig
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import SqlTask


class SqlRunner:
    """Runs `sql` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Log in, run the statements in order, and print what they bring."""
        return await drive(assignment, context, functools.partial(_work, assignment, context))


async def _work(assignment: Assignment, context: TaskContext) -> Outcome:
    task = task_of(assignment, SqlTask)
    given = assignment.connection
    if given is not None and given.conn_type != task.driver:
        message = f"The connection '{given.name}' is for {given.conn_type}, and the task for {task.driver}."
        raise TaskFailed(Reason.BAD_CONNECTION, message)
    output = RowOutput(task, context)
    try:
        await _run(assignment, task, output, context.policy.directories)
    finally:
        output.close()
    return Outcome.succeeded()


async def _run(assignment: Assignment, task: SqlTask, output: RowOutput, directories: Directories) -> None:
    # Each driver is loaded by the first task that needs it, and not with those of other databases.
    match task.driver:
        case "postgres":
            from tocsin_agent.tasks.sql import postgres

            postgres_config = config_of(assignment, PostgresConfig)
            await postgres.run(_where(task, postgres_config), postgres_config, task.query, output)
        case "mysql":
            from tocsin_agent.tasks.sql import mysql

            mysql_config = config_of(assignment, MysqlConfig)
            await mysql.run(_where(task, mysql_config), mysql_config, task.query, output)
        case "sqlite":
            from tocsin_agent.tasks.sql import sqlite

            sqlite_config = config_of(assignment, SqliteConfig)
            # Where paths are limited, statements must not open what the path of the database does not tell of.
            is_confined = directories.read is not None or directories.write is not None
            where = _where(task, sqlite_config)
            await sqlite.run(where, sqlite_config, task.query, output, is_confined=is_confined)


def _where(task: SqlTask, config: PostgresConfig | MysqlConfig | SqliteConfig | None) -> str:
    return config.connection_string if config is not None else task.connection_string or ""
