"""Daily partitions of the history tables: made ahead of time, dropped when they are too old to keep."""

from datetime import UTC, date, datetime, time, timedelta

from tocsin_controller.store.database import Session
from tocsin_controller.store.statements import Statement, sql
from tocsin_shared.ids import id_floor, id_time

_PARTITION_NAMES = sql("partition_names")
_OLDEST_OPEN = sql("oldest_open")

#: Tables that are partitioned by range of their time-ordered id.
TABLES = ("runs", "executions", "execution_output", "events", "output_search")

#: So many days ahead partitions exist: how long maintenance may be down without harm.
DAYS_AHEAD = 3
#: Rows that one round removes at most from each default partition, which is usually empty.
UNPARTITIONED_BATCH = 10_000


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


async def drop_oldest_day(session: Session, first_kept: date) -> list[str]:
    """Drop the partitions of the oldest day if it is before; what was dropped. Only names that we make are touched.

    No day goes in which, or before which, anything is that has not ended.
    """
    old = {name: day for name, day in (await _days(session)).items() if day < first_kept}
    if not old:
        return []
    oldest = min(old.values())
    if oldest >= await _first_open(session, first_kept):
        return []
    dropped = [name for name, day in old.items() if day == oldest]
    for name in dropped:
        await session.execute(Statement("drop_partition", f"DROP TABLE IF EXISTS {name}"))
    return dropped


async def kept_since(session: Session, first_kept: date) -> date:
    """From which day on there is history: `first_kept`, unless older partitions are there still."""
    days = (await _days(session)).values()
    return min(first_kept, await _first_open(session, first_kept), *days)


async def forget_unpartitioned(session: Session, since: date) -> None:
    """Remove rows of earlier days from the default partitions, at most UNPARTITIONED_BATCH of each table.

    Not of runs: see `forget_backfilled`.
    """
    floor = id_floor(datetime.combine(since, time(), UTC))
    for table in TABLES:
        if table != "runs":
            await session.execute(_forget(table), floor)


def partition_name(table: str, day: date) -> str:
    """`runs_p20260131`."""
    return f"{table}_p{day:%Y%m%d}"


async def _first_open(session: Session, first_kept: date) -> date:
    """The first day that something still goes on in, at most `first_kept`."""
    (row,) = await session.fetch(_OLDEST_OPEN, id_floor(datetime.combine(first_kept, time(), UTC)))
    instants = [id_time(row[name]) for name in ("running", "waiting", "open_run") if row[name] is not None]
    if row["begun"] is not None:
        instants.append(row["begun"])
    return min([first_kept, *(instant.astimezone(UTC).date() for instant in instants)])


async def _days(session: Session) -> dict[str, date]:
    """The daily partitions that there are, each with its day."""
    days: dict[str, date] = {}
    for name in await _names(session):
        table, _, day = name.rpartition("_p")
        if table in TABLES and day.isdecimal() and len(day) == len("20260131"):
            days[name] = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date()
    return days


async def _names(session: Session) -> list[str]:
    return [row["name"] for row in await session.fetch(_PARTITION_NAMES, list(TABLES))]


def _key(table: str) -> str:
    return "execution_id" if table == "execution_output" else "id"


def _forget(table: str) -> Statement:
    """Rows are found by their places, so that no more are touched than are removed."""
    return Statement(
        "forget_unpartitioned",
        f"DELETE FROM {table}_default WHERE ctid = ANY(ARRAY("  # noqa: S608  own names
        f"SELECT ctid FROM {table}_default WHERE {_key(table)} < $1 LIMIT {UNPARTITIONED_BATCH}))",
    )


def _create(table: str, day: date) -> tuple[Statement, ...]:
    """The partition of a day, with the rows of that day that already went to the default partition.

    DDL takes no parameters: every part of these texts is made here, none comes from outside.
    """
    name, key = partition_name(table, day), _key(table)
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
