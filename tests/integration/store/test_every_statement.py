"""Every statement of store/sql/ is valid on the newest schema."""

import asyncpg

from tocsin_controller.store.statements import every_statement, sql


async def test_every_statement_can_be_prepared(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(sql("make_restore_mark").sql)  # by no migration: only restores have it
        broken: dict[str, str] = {}
        for statement in every_statement():
            try:
                await connection.prepare(statement.sql)
            except asyncpg.PostgresError as error:
                broken[statement.name] = str(error)
        assert broken == {}
    finally:
        await connection.close()
