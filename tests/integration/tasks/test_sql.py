"""Statements run in order on real databases, and what they bring comes out exactly, as it comes."""

import asyncio
import json
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncmy
import asyncpg
import pytest
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.net import free_port
from tests.services.mariadb import NAME as MARIADB_NAME
from tests.services.mariadb import PASSWORD, USER, MariadbServer, mariadb_server
from tests.services.postgres import NAME, PostgresServer, postgres_server

from tocsin_agent.policy import Policy
from tocsin_agent.policy.paths import Directories
from tocsin_agent.tasks.sql import output
from tocsin_shared.connections.configs import MysqlConfig, PostgresConfig, SqliteConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import SqlTask

PATIENCE_SECS = 30.0


def sql(query: str, driver: str = "postgres", **fields: Any) -> SqlTask:
    where = {} if "connection_string" in fields else {"connection": "test"}
    return SqlTask.model_validate({"type": "sql", "driver": driver, "query": query} | where | fields)


def lines(ran: Ran) -> list[Any]:
    assert ran.status is ExecutionStatus.SUCCEEDED, (ran.outcome, ran.errors)
    return [json.loads(line, parse_float=str) for line in ran.text.splitlines()]


@pytest.fixture(scope="module")
def secured_postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def ask(empty_database_url: str) -> Callable[..., Awaitable[Ran]]:
    async def run(query: str, **options: Any) -> Ran:
        fields = {key: options.pop(key) for key in ("format", "max_rows") if key in options}
        return await run_task(
            sql(query, **fields), PostgresConfig(connection_string=empty_database_url), **options
        )

    return run


@pytest.fixture
def ask_mariadb(mariadb: MariadbServer) -> Callable[..., Awaitable[Ran]]:
    async def run(query: str, **fields: Any) -> Ran:
        return await run_task(sql(query, "mysql", **fields), MysqlConfig(connection_string=mariadb.url))

    return run


@pytest.fixture
def ask_sqlite(tmp_path: Path) -> Callable[..., Awaitable[Ran]]:
    path = tmp_path / "shop.db"
    sqlite3.connect(path).close()
    path.touch()

    async def run(query: str, **fields: Any) -> Ran:
        return await run_task(sql(query, "sqlite", connection_string=str(path), **fields))

    return run


async def test_values_of_postgres_come_out_exactly(ask: Callable[..., Awaitable[Ran]]) -> None:
    ran = await ask(
        """
        SELECT 12345678901234567890.123456789012345678::numeric AS exact, 'NaN'::numeric AS nan, 0.1::float4 AS single,
               'Infinity'::float8 AS endless, true AS yes, NULL AS nothing, 'a"b\n\\é' AS words,
               '\\x00ff'::bytea AS bytes, '{"a": [1.10, "x"]}'::jsonb AS document, E'[1,\n2]'::json AS lines,
               ARRAY[ARRAY[1, 2], ARRAY[3, NULL]] AS grid, ARRAY['2024-02-29 12:00:00'::timestamp] AS times,
               '2024-02-29 12:00:00.5+00'::timestamptz AT TIME ZONE 'UTC' AS local, 'infinity'::date AS never,
               '1 mon 2 days'::interval AS span, ROW(1, 'x') AS pair, int4range(1, 5) AS some,
               '00000000-0000-0000-0000-000000000001'::uuid AS id, 1 AS twice, 2 AS twice, 9223372036854775807 AS big
        """
    )
    (row,) = lines(ran)
    assert row == {
        "exact": "12345678901234567890.123456789012345678", "nan": "NaN", "single": "0.1", "endless": "Infinity",
        "yes": True, "nothing": None, "words": 'a"b\n\\é', "bytes": "AP8=", "document": {"a": ["1.10", "x"]},
        "lines": [1, 2], "grid": [[1, 2], [3, None]], "times": ["2024-02-29T12:00:00"],
        "local": "2024-02-29T12:00:00.5", "never": "infinity", "span": "1 mon 2 days", "pair": [1, "x"],
        "some": "[1,5)", "id": "00000000-0000-0000-0000-000000000001", "twice": 1, "twice_2": 2,
        "big": 9223372036854775807,
    }  # fmt: skip
    assert ran.errors == "1 row\n"


async def test_values_of_mariadb_come_out_exactly(ask_mariadb: Callable[..., Awaitable[Ran]]) -> None:
    ran = await ask_mariadb(
        """
        CREATE TEMPORARY TABLE v (exact DECIMAL(38,18), f FLOAT, n BIGINT UNSIGNED, z INT(5) ZEROFILL, b BLOB,
                                  d DATE, t DATETIME(3), l TIME, w VARCHAR(20), x BIT(8), nothing INT);
        INSERT INTO v VALUES (12345678901234567890.123456789012345678, 0.1, 18446744073709551615, 42, x'00ff',
                              '2024-02-29', '2024-02-29 12:00:00.500', '-100:00:01', 'é"\\n', b'101', NULL);
        SELECT * FROM v;
        UPDATE v SET n = 1
        """
    )
    (row,) = lines(ran)
    assert row == {
        "exact": "12345678901234567890.123456789012345678", "f": "0.1", "n": 18446744073709551615, "z": 42,
        "b": "AP8=", "d": "2024-02-29", "t": "2024-02-29T12:00:00.500", "l": "-100:00:01", "w": 'é"\n', "x": 5,
        "nothing": None,
    }  # fmt: skip
    assert ran.errors == "0 rows affected\n1 row affected\n1 row\n1 row affected\n"


async def test_values_of_sqlite_come_out_exactly(ask_sqlite: Callable[..., Awaitable[Ran]]) -> None:
    ran = await ask_sqlite(
        "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2.5), ('é;'), (x'00ff'), (NULL); SELECT a FROM t;"
        "CREATE TRIGGER r AFTER DELETE ON t BEGIN INSERT INTO t VALUES (3); END; SELECT 9e999 AS x"
    )
    assert [list(row.values()) for row in lines(ran)] == [
        [1],
        ["2.5"],
        ["é;"],
        ["AP8="],
        [None],
        ["Infinity"],
    ]
    assert ran.errors == "5 rows affected\n5 rows\n1 row\n"


async def test_a_table_lines_up_and_counts_its_rows(ask: Callable[..., Awaitable[Ran]]) -> None:
    ran = await ask(
        "SELECT * FROM (VALUES (1, 'short', NULL), (1000, E'two\\nlines', '日本')) AS t (n, words, other);"
        "SELECT 1 AS one",
        format="table",
    )
    assert ran.text == (
        "  n   |   words    | other\n"
        "------+------------+-------\n"
        "    1 | short      | NULL\n"
        " 1000 | two\\nlines | 日本\n"
        "(2 rows)\n"
        "\n"
        " one\n"
        "-----\n"
        "   1\n"
        "(1 row)\n"
        "\n"
    )
    assert ran.errors == ""


async def test_several_statements_of_postgres_are_one_transaction(
    ask: Callable[..., Awaitable[Ran]], empty_database_url: str
) -> None:
    ran = await ask("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2); SELECT n FROM t; SELECT 1 / 0")
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.DRIVER_ERROR, None)
    assert ran.outcome.message == "Statement 4 failed. (division by zero; SQLSTATE 22012)"
    assert ran.text == '{"n": 1}\n{"n": 2}\n'
    assert ran.errors == f"CREATE TABLE\nINSERT 0 2\n2 rows\n{ran.outcome.message}\n"
    assert lines(await ask("SELECT to_regclass('t') AS there")) == [{"there": None}]
    # What the query commits itself stays, and what it leaves open does not.
    ran = await ask("CREATE TABLE t (n int); COMMIT; BEGIN; INSERT INTO t VALUES (1)")
    assert ran.status is ExecutionStatus.SUCCEEDED
    assert "left its transaction open" in ran.errors
    assert lines(await ask("SELECT count(*) FROM t")) == [{"count": 0}]


async def test_statements_that_want_no_transaction_run_alone(ask: Callable[..., Awaitable[Ran]]) -> None:
    await ask("CREATE PROCEDURE p(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN COMMIT; n := n + 1; END $$")
    assert lines(await ask("CALL p(1)")) == [{"n": 2}]
    assert (await ask("VACUUM")).errors == "VACUUM\n"


async def test_errors_of_postgres_say_where_and_why(ask: Callable[..., Awaitable[Ran]]) -> None:
    ran = await ask("SELECT nothing FROM nowhere")
    assert ran.outcome.message == (
        'The statement failed. (relation "nowhere" does not exist; SQLSTATE 42P01; at character 21)'
    )
    assert "COPY" in ((await ask("COPY (SELECT 1) TO STDOUT")).outcome.message or "")
    assert "argument" in ((await ask("SELECT $1::int")).outcome.message or "")


async def test_notices_of_postgres_are_told_on_stderr(ask: Callable[..., Awaitable[Ran]]) -> None:
    ran = await ask("DO $$ BEGIN RAISE NOTICE 'half; done' USING HINT = 'wait'; END $$; SELECT 1 AS one")
    assert ran.errors == "NOTICE: half; done Hint: wait\nDO\n1 row\n"


async def test_errors_of_mariadb_and_sqlite_say_which_statement(
    ask_mariadb: Callable[..., Awaitable[Ran]], ask_sqlite: Callable[..., Awaitable[Ran]]
) -> None:
    ran = await ask_mariadb("SELECT 1 AS one; SELECT * FROM nowhere")
    assert (ran.text, ran.outcome.reason) == ('{"one": 1}\n', Reason.DRIVER_ERROR)
    assert ran.outcome.message == (
        "Statement 2 failed. (Table 'shop.nowhere' doesn't exist; error 1146; SQLSTATE 42S02)"
    )
    ran = await ask_sqlite("CREATE TABLE t (a); SELECT * FROM nowhere")
    assert ran.outcome.message == "Statement 2 failed. (no such table: nowhere; SQLITE_ERROR)"
    assert lines(await ask_sqlite("SELECT count(*) AS n FROM t")) == [{"n": 0}]


async def test_rows_are_printed_as_they_come_and_never_kept(
    ask: Callable[..., Awaitable[Ran]],
    ask_mariadb: Callable[..., Awaitable[Ran]],
    ask_sqlite: Callable[..., Awaitable[Ran]],
) -> None:
    many = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s"
    for run, query in (
        (ask, "SELECT n FROM generate_series(1, 5000) AS n"),
        (ask_mariadb, f"SET SESSION max_recursive_iterations = 10000; {many}"),
        (ask_sqlite, many),
    ):
        assert [row["n"] for row in lines(await run(query))] == list(range(1, 5001))
        ran = await run(query, max_rows=7)
        assert (ran.outcome.reason, len(ran.text.splitlines())) == (Reason.TOO_LARGE, 7), ran.outcome
        assert "more than 7 rows (max_rows)" in (ran.outcome.message or "")


async def test_rows_of_mariadb_wait_on_the_server_until_they_are_printed(mariadb: MariadbServer) -> None:
    query = "SELECT seq, REPEAT('x', 700) AS words FROM seq_1_to_15000"
    task = sql(query, "mysql", connection_string=mariadb.url)
    tracemalloc.start()
    try:
        ran = await run_task(task, max_output_bytes=1_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (ran.status, ran.errors) == (ExecutionStatus.SUCCEEDED, "15000 rows\n")
    assert peak < 10_000_000, peak


async def test_a_row_longer_than_what_is_printed_is_refused(
    ask: Callable[..., Awaitable[Ran]], ask_sqlite: Callable[..., Awaitable[Ran]]
) -> None:
    over = output.MAX_ROW_BYTES + 2
    for ran in (
        await ask(f"SELECT repeat('x', {over}) AS long"),
        await ask_sqlite(f"SELECT hex(zeroblob({over // 2})) AS long"),
        await ask_sqlite(f"SELECT hex(zeroblob({over // 2})) AS long", format="table"),
    ):
        assert (ran.outcome.reason, "are printed" in ran.errors) == (Reason.TOO_LARGE, True), ran.outcome
        assert "x" not in ran.text


@asynccontextmanager
async def asking_postgres(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECS):
        while not await is_so():
            await asyncio.sleep(0.05)


async def test_cancelling_ends_the_statement_on_postgres(empty_database_url: str) -> None:
    task = sql("SELECT 1 AS one; SELECT pg_sleep(600)", connection_string=empty_database_url)
    async with asking_postgres(empty_database_url) as other, started_task(task) as running:

        async def others() -> int:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND query LIKE '%pg_sleep(600)%'"
            )
            return int(await other.fetchval(query))

        async def is_running() -> bool:
            return await others() == 1

        async def is_over() -> bool:
            return await others() == 0

        await running.prints(b'{"one": 1}')
        await until(is_running)
        running.cancel()
        ran = await running.ended()
        assert ran.status is ExecutionStatus.CANCELLED
        await until(is_over)


async def test_cancelling_ends_the_statement_on_mariadb(mariadb: MariadbServer) -> None:
    task = sql("SELECT 1 AS one; SELECT SLEEP(600)", "mysql", connection_string=mariadb.url)
    other = await asyncmy.connect(
        host="127.0.0.1", port=mariadb.port, user=USER, password=PASSWORD, database="shop", autocommit=True
    )

    async def sleeping() -> int:
        cursor = other.cursor()
        query = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(%'"
        await cursor.execute(query)
        (count,) = await cursor.fetchone()
        return int(count)

    async def is_running() -> bool:
        return await sleeping() == 1

    async def is_over() -> bool:
        return await sleeping() == 0

    async with started_task(task) as running:
        await running.prints(b'{"one": 1}')
        await until(is_running)
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED
        await until(is_over)
    other.close()


async def test_cancelling_ends_the_statement_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "big.db"
    task = sql(
        "CREATE TABLE t (n); BEGIN IMMEDIATE; SELECT 1 AS one; "
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) INSERT INTO t SELECT n FROM s WHERE n < 0",
        "sqlite",
        connection_string=f"sqlite://{path}?mode=rwc",
    )
    async with started_task(task) as running:
        await running.prints(b'{"one": 1}')
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED
    with sqlite3.connect(path, timeout=PATIENCE_SECS) as other:
        other.execute("INSERT INTO t VALUES (1)")  # nobody holds it any more


async def test_rows_that_come_slowly_are_printed_at_once(empty_database_url: str) -> None:
    task = sql(
        "SELECT n, pg_sleep(0.3)::text AS slept FROM generate_series(1, 1000) AS n",
        connection_string=empty_database_url,
    )
    async with started_task(task) as running:
        await running.prints(b'"n": 11')
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED


async def test_a_wrong_password_is_told_as_that(
    secured_postgres: PostgresServer, mariadb: MariadbServer
) -> None:
    for driver, url, password in (
        ("postgres", secured_postgres.url, secured_postgres.password),
        ("mysql", mariadb.url, PASSWORD),
    ):
        task = sql("SELECT 1", driver, connection_string=url.replace(password, "hunter2hunter2"))
        ran = await run_task(task)
        assert ran.outcome.reason is Reason.LOGIN_FAILED, ran.errors
        assert "hunter2hunter2" not in ran.errors


async def test_certificates_of_postgres_have_to_fit(secured_postgres: PostgresServer) -> None:
    server = secured_postgres
    where = {"connection_string": server.url, "tls_ca": server.ca}
    ran = await run_task(sql("SELECT 1 AS one"), PostgresConfig.model_validate(where))
    assert ran.outcome.reason is Reason.CONNECT_FAILED
    assert "IP address mismatch" in ran.errors
    ran = await run_task(sql("SELECT 1 AS one"), PostgresConfig(connection_string=server.url, tls=True))
    assert ran.outcome.reason is Reason.CONNECT_FAILED
    for config, is_secured in (
        (where | {"tls_server_name": NAME}, True),
        ({"connection_string": server.url, "tls": True, "tls_verify": False}, True),
        ({"connection_string": f"{server.url}?sslmode=require"}, True),
        # As in libpq, a server that speaks TLS is spoken to with it.
        ({"connection_string": server.url}, True),
        ({"connection_string": server.url, "tls": False}, False),
        ({"connection_string": f"{server.url}?sslmode=disable"}, False),
    ):
        before = server.secured
        assert lines(await run_task(sql("SELECT 1 AS one"), PostgresConfig.model_validate(config))) == [
            {"one": 1}
        ]
        assert server.secured - before == is_secured, config


async def test_certificates_of_mariadb_have_to_fit(mariadb: MariadbServer) -> None:
    task = sql("SHOW STATUS LIKE 'Ssl_version'", "mysql")
    where = {"connection_string": mariadb.url, "tls_ca": mariadb.ca}
    ran = await run_task(task, MysqlConfig.model_validate(where))
    assert ran.outcome.reason is Reason.CONNECT_FAILED
    assert "IP address mismatch" in ran.errors
    for config, is_secured in (
        (where | {"tls_server_name": MARIADB_NAME}, True),
        ({"connection_string": mariadb.url, "tls": True, "tls_verify": False}, True),
        ({"connection_string": f"{mariadb.url}?ssl-mode=required"}, True),
        ({"connection_string": mariadb.url}, False),
    ):
        (row,) = lines(await run_task(task, MysqlConfig.model_validate(config)))
        assert bool(row["Value"]) == is_secured, config


async def test_mariadb_gets_no_file_of_the_agents_host(ask_mariadb: Callable[..., Awaitable[Ran]]) -> None:
    ran = await ask_mariadb(
        "CREATE TEMPORARY TABLE t (line TEXT); LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t; SELECT * FROM t"
    )
    assert (ran.outcome.reason, ran.text) == (Reason.DRIVER_ERROR, "")


async def test_the_words_of_libpq_say_where_postgres_is(secured_postgres: PostgresServer) -> None:
    words = f"host=127.0.0.1 port = {secured_postgres.port} user='postgres' dbname=postgres sslmode=disable"
    task = sql("SELECT current_user AS me", connection_string=f"{words} password={secured_postgres.password}")
    (row,) = lines(await run_task(task))
    assert row["me"] == urlsplit(secured_postgres.url).username
    for text in (
        "host",
        "host=a nonsense=1",
        "postgresql://u:a/b@host/db",
        "postgresql://h:x/db",
        "mysql://h/db",
    ):
        ran = await run_task(sql("SELECT 1", connection_string=text))
        assert ran.outcome.reason is Reason.BAD_CONNECTION, ran.errors


async def test_postgres_that_dies_in_the_middle_is_told_as_that(secured_postgres: PostgresServer) -> None:
    task = sql("SELECT 1 AS one; SELECT pg_sleep(600)", connection_string=secured_postgres.url)
    async with started_task(task) as running:
        await running.prints(b'{"one": 1}')
        await asyncio.to_thread(secured_postgres.embedded.pg_ctl, "restart", "-m", "immediate")
        ran = await running.ended()
    assert ran.outcome.reason is Reason.DRIVER_ERROR
    assert ran.outcome.message is not None
    assert ran.outcome.message.startswith("Statement 2")


async def test_nobody_listening_is_told_as_that() -> None:
    port = free_port()
    for driver, url in (("postgres", "postgresql"), ("mysql", "mysql")):
        ran = await run_task(
            sql("SELECT 1", driver, connection_string=f"{url}://u:hunter2hunter2@127.0.0.1:{port}/x")
        )
        assert ran.outcome.reason is Reason.CONNECT_FAILED, ran.errors
        assert f"127.0.0.1:{port}" in ran.errors
        assert "hunter2hunter2" not in ran.errors


async def test_sqlite_creates_no_database_by_mistake(tmp_path: Path) -> None:
    path = tmp_path / "missing.db"
    ran = await run_task(sql("SELECT 1", "sqlite", connection_string=str(path)))
    assert (ran.outcome.reason, path.exists()) == (Reason.CONNECT_FAILED, False)
    assert f"There is no database {path}" in ran.errors
    config = SqliteConfig(connection_string=f"sqlite://{path}?mode=rwc")
    assert lines(await run_task(sql("CREATE TABLE t (a); SELECT 1 AS one", "sqlite"), config)) == [{"one": 1}]
    ran = await run_task(
        sql("INSERT INTO t VALUES (1)", "sqlite", connection_string=f"sqlite://{path}?mode=ro")
    )
    assert "readonly" in ran.errors
    ran = await run_task(sql("SELECT 1", "sqlite", connection_string="relative.db"))
    assert ran.outcome.reason is Reason.BAD_CONNECTION


async def test_a_server_that_dies_in_the_middle_is_told_as_that() -> None:
    with mariadb_server() as server:
        task = sql("SELECT 1 AS one; SELECT SLEEP(600)", "mysql", connection_string=server.url)
        async with started_task(task) as running:
            await running.prints(b'{"one": 1}')
            server.server.kill()
            ran = await running.ended()
    assert ran.outcome.reason is Reason.DRIVER_ERROR
    assert "connection to MySQL" in ran.errors
    assert "was lost" in ran.errors


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '{elsewhere}' AS other; CREATE TABLE other.t (a)",
        "ATTACH 'file:{elsewhere}?mode=rwc' AS other; CREATE TABLE other.t (a)",
        "ATTACH '{directory}' || '/elsewhere.db' AS other; CREATE TABLE other.t (a)",
        "VACUUM INTO '{elsewhere}'",
    ],
)
async def test_statements_open_no_other_file_where_the_agents_policy_limits_paths(
    tmp_path: Path, statement: str
) -> None:
    allowed, elsewhere = tmp_path / "allowed", tmp_path / "elsewhere.db"
    allowed.mkdir()
    query = statement.format(elsewhere=elsewhere, directory=tmp_path)
    task = sql(query, "sqlite", connection_string=f"sqlite://{allowed}/a.db?mode=rwc")
    policy = Policy(directories=Directories(read=(allowed,), write=(allowed,)))
    ran = await run_task(task, policy=policy)
    assert (ran.status, ran.outcome.reason) == ("failed", "driver_error")
    assert "authori" in ran.errors
    assert not elsewhere.exists()
    fine = "CREATE TABLE t (a); INSERT INTO t VALUES (1); VACUUM; SELECT a FROM t"
    ran = await run_task(task.model_copy(update={"query": fine}), policy=policy)
    assert ran.status == "succeeded", ran.errors
    ran = await run_task(task.model_copy(update={"query": query}))
    assert ran.status == "succeeded", ran.errors
    assert elsewhere.exists()
