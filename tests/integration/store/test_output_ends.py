"""The beginning and the end of what executions printed, whatever the chunks it came in."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest

from tocsin_controller.store.database import Database
from tocsin_controller.store.output import output_tails
from tocsin_controller.store.output_search import output_heads
from tocsin_controller.store.partitions import ensure_partitions
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import new_id

STDOUT = 1
CHUNKS = """
INSERT INTO execution_output (execution_id, stream, start_offset, seq, data)
SELECT $1, 1, n * $2::int, n, convert_to(lpad(n::text, $2::int - 1) || E'\n', 'UTF8')
FROM generate_series(0, $3::int - 1) AS n
"""


@pytest.mark.parametrize(
    ("chunk_bytes", "chunks", "size"),
    [(4, 60, 1_000), (10, 900, 2_000), (4_096, 50, 256_000), (4_096, 80, 256_000), (60_000, 10, 256_000)],
)
async def test_the_ends_do_not_depend_on_how_it_was_printed(
    database: Database, database_url: str, chunk_bytes: int, chunks: int, size: int
) -> None:
    execution_id = new_id()
    connection = await asyncpg.connect(database_url)
    await connection.execute(CHUNKS, execution_id, chunk_bytes, chunks)
    await connection.close()
    whole = b"".join(b"%*d\n" % (chunk_bytes - 1, n) for n in range(chunks))
    assert (await output_tails(database, [execution_id], size))[execution_id, STDOUT] == whole[-size:]
    assert (await output_heads(database, [execution_id], size))[execution_id, STDOUT] == whole[:size]


@pytest.mark.parametrize("generic", [False, True])
async def test_an_excerpt_reads_no_more_than_it_shows(
    database: Database, database_url: str, generic: bool
) -> None:
    async with database.transaction() as session:
        await ensure_partitions(session, datetime.now(UTC).date())
    connection = await asyncpg.connect(database_url)
    ids = [new_id() for _ in range(3)]
    for execution_id in ids:
        await connection.execute(CHUNKS, execution_id, 100, 2_000)
    await connection.execute("ANALYZE execution_output")
    mode = "force_generic_plan" if generic else "force_custom_plan"
    await connection.execute(f"SET plan_cache_mode = {mode}")
    for name, size, most in (
        ("output_tails", 2_000, 24),
        ("output_tails", 20_000, 204),
        ("output_heads", 2_000, 21),
    ):
        answer = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql(name).sql}", ids, size)
        assert rows_read(orjson.loads(answer)[0]["Plan"]) <= most * len(ids), name
    await connection.close()


def rows_read(plan: dict[str, Any]) -> float:
    """Of tables, with those that a filter threw away."""
    rows: float = sum(map(rows_read, plan.get("Plans", ())))
    if "Relation Name" in plan:
        rows += (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return rows
