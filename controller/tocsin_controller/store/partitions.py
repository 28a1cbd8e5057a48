"""Daily partitions of the history tables: made ahead of time, dropped when they are too old to keep."""

from datetime import UTC, date, datetime, time, timedelta

from tocsin_controller.store.database import Session
from tocsin_controller.store.statements import Statement, sql
from tocsin_shared.ids import id_floor

_PARTITION_NAMES = sql("partition_names")

#: Tables that are partitioned by range of their time-ordered id.
TABLES = ("runs", "executions", "execution_output", "events", "output_search")

#: So many days ahead partitions exist: how long maintenance may be down without harm.
DAYS_AHEAD = 3


async def ensure_partitions(session: Session, today: date) -> list[str]:
    """Create the missing partitions for today and the days ahead; what was created."""
    existing = set(await _names(session))
    created: list[str] = []
    for table in TABLES:
        for offset in range(DAYS_AHEAD + 1):
            day = today + timedelta(days=offset)
            name = partition_name(table, day)
            if name not in existing:
                for statement in _create(table, day):
                    await session.execute(statement)
                created.append(name)
    return created


async def drop_partitions_before(session: Session, first_kept: date) -> list[str]:
    """Drop the partitions of all days before; what was dropped. Only names that we make are touched."""
    dropped: list[str] = []
    for name in await _names(session):
        table, _, day = name.rpartition("_p")
        if table in TABLES and day.isdecimal() and day < first_kept.strftime("%Y%m%d"):
            await session.execute(Statement("drop_partition", f"DROP TABLE IF EXISTS {name}"))
            dropped.append(name)
    return dropped


def partition_name(table: str, day: date) -> str:
    """`runs_p20260131`."""
    return f"{table}_p{day:%Y%m%d}"


async def _names(session: Session) -> list[str]:
    return [row["name"] for row in await session.fetch(_PARTITION_NAMES, list(TABLES))]


def _create(table: str, day: date) -> tuple[Statement, ...]:
    """The partition of a day, with the rows of that day that already went to the default partition.

    DDL takes no parameters: every part of these texts is made here, none comes from outside.
    """
    name, key = partition_name(table, day), "execution_id" if table == "execution_output" else "id"
    low, high = (id_floor(datetime.combine(d, time(), UTC)) for d in (day, day + timedelta(days=1)))
    return (
        Statement(
            "create_partition", f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
        ),
        Statement(
            "move_to_partition",
            f"WITH moved AS (DELETE FROM {table}_default WHERE {key} >= '{low}' AND {key} < '{high}' RETURNING *) "  # noqa: S608  own names
            f"INSERT INTO {name} SELECT * FROM moved",
        ),
        Statement(
            "attach_partition",
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')",
        ),
    )
