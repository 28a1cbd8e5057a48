"""Whatever a value holds, real databases give exactly that back, and run nothing of it."""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import asyncmy
import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.postgres import Server
from tests.services.mariadb import DATABASE, PASSWORD, USER, MariadbServer

from tocsin_controller.substitution.references import CannotPlace, Scalar
from tocsin_controller.substitution.sql import fill_sql
from tocsin_shared.sql import Dialect

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
#: Texts that mean something to databases, put together at random.
NASTY = st.lists(
    st.sampled_from(
        ["'", '"', "\\", "`", "''", "\\'", "--", "-- ", "#", "/*", "*/", "/*!", ";", "$$", "$a$", "\n", "\r", " ",
         "]", "[", "x41", "u0041", "101", "E'", "{{A}}", "{{B}}", ":x", "%s", "?", "%(a)s", "a", "é", "\U0001f600",
         "\x1a", "(", ")", "<A>", "<B>"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
VALUE = TEXT | NASTY

#: Queries, and what they bring for the values of A and B.
EVERYWHERE: list[tuple[str, list[Any]]] = [
    ("SELECT {{A}}, {{B}}", ["<A>", "<B>"]),
    ("SELECT '{{A}}', 'x{{A}}y{{B}}', ''", ["<A>", "x<A>y<B>", ""]),
    ("SELECT '''{{A}}''', '{{{{A}}', '{{ A }}'", ["'<A>'", "{{A}}", "{{ A }}"]),
    ("SELECT ({{A}}) -- it's not {{{{B}}\n, {{B}}", ["<A>", "<B>"]),
    ("SELECT {{A}}/* ' */,{{B}} /* \" */", ["<A>", "<B>"]),
]
TEMPLATES: dict[Dialect, list[tuple[str, list[Any]]]] = {
    "postgres": [
        *EVERYWHERE,
        ("SELECT E'{{A}}\\n{{B}}', E'\\\\{{A}}', E'\\'{{A}}'", ["<A>\n<B>", "\\<A>", "'<A>"]),
        ("SELECT {{A}}::text, {{A}}||{{B}}, N'{{A}}'", ["<A>", "<A><B>", "<A>"]),
        ("SELECT $${{{{A}}'$$, {{A}}, '\\', {{B}}", ["{{A}}'", "<A>", "\\", "<B>"]),
        ("SELECT /* /* ' */ ' */ {{A}}, U&'\\0041', {{B}}", ["<A>", "A", "<B>"]),
    ],
    "mysql": [
        *EVERYWHERE,
        ('SELECT "{{A}}", "x""{{B}}", \'\\\'{{A}}\', "\\\\{{B}}"', ["<A>", 'x"<B>', "'<A>", "\\<B>"]),
        ("SELECT {{A}} # ' {{{{B}}\n, {{B}}, 'it\\'s', 5--1", ["<A>", "<B>", "it's", 6]),
        ("SELECT CONCAT({{A}},{{B}})", ["<A><B>"]),
    ],
    "sqlite": [
        *EVERYWHERE,
        ("SELECT '\\', {{A}}||{{B}}, x'41', [a b] FROM (SELECT 1 AS [a b])", ["\\", "<A><B>", b"A", 1]),
    ],
}
#: One name that is a value; MySQL's end without spaces.
NAMES: dict[Dialect, list[str]] = {
    "postgres": ['SELECT 1 AS "{{A}}"', 'SELECT 1 AS "x{{A}}y"'],
    "mysql": ["SELECT 1 AS `x{{A}}y`"],
    "sqlite": ['SELECT 1 AS "{{A}}"', "SELECT 1 AS `x{{A}}y`", "SELECT 1 AS [x{{A}}]"],
}

#: Gives the names and the values of the only row.
Ask = Callable[[str], tuple[list[str], list[Any]]]


@pytest.fixture(scope="module")
def ask_postgres(postgres: Server) -> Iterator[Ask]:
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(postgres.dsn()))

        def ask(query: str) -> tuple[list[str], list[Any]]:
            (row,) = runner.run(connection.fetch(query))
            return list(row.keys()), list(row.values())

        yield ask
        runner.run(connection.close())


@pytest.fixture(scope="module")
def ask_mysql(mariadb: MariadbServer) -> Iterator[Ask]:
    async def connect() -> Any:
        return await asyncmy.connect(
            host="127.0.0.1",
            port=mariadb.port,
            user=USER,
            password=PASSWORD,
            database=DATABASE,
            charset="utf8mb4",
        )

    async def fetch(query: str) -> tuple[list[str], list[Any]]:
        cursor = connection.cursor()
        await cursor.execute(query)
        (row,) = await cursor.fetchall()
        names = [column[0] for column in cursor.description]
        assert not await cursor.nextset()
        return names, list(row)

    with asyncio.Runner() as runner:
        connection = runner.run(connect())
        yield lambda query: runner.run(fetch(query))
        connection.close()


@pytest.fixture(scope="module")
def ask_sqlite() -> Iterator[Ask]:
    connection = sqlite3.connect(":memory:")

    def ask(query: str) -> tuple[list[str], list[Any]]:
        cursor = connection.execute(query)
        (row,) = cursor.fetchall()
        return [column[0] for column in cursor.description], list(row)

    yield ask
    connection.close()


@pytest.fixture(params=["postgres", "mysql", "sqlite"], scope="module")
def asked(request: pytest.FixtureRequest) -> tuple[Dialect, Ask]:
    """Each kind of database."""
    return request.param, request.getfixturevalue(f"ask_{request.param}")


@given(a=VALUE, b=VALUE)
def test_a_value_comes_back_as_it_is(asked: tuple[Dialect, Ask], a: str, b: str) -> None:
    dialect, ask = asked
    values = {"A": a, "B": b}
    for template, expected in TEMPLATES[dialect]:
        query = fill_sql(template, values.__getitem__, dialect)
        _, row = ask(query)
        assert row == [
            re.sub("<([AB])>", lambda found: values[found[1]], one) if isinstance(one, str) else one
            for one in expected
        ], query


@given(a=VALUE)
def test_a_name_is_the_value(asked: tuple[Dialect, Ask], a: str) -> None:
    dialect, ask = asked
    for template in NAMES[dialect]:
        expected = re.sub(r".* AS .", "", template)[:-1].replace("{{A}}", a)
        if dialect == "postgres":
            # What PostgreSQL takes of a name; it has no empty ones.
            expected = expected.encode()[:63].decode(errors="ignore")
        if not expected or (dialect == "mysql" and max(expected) > "\uffff"):
            continue  # MySQL's names are of the characters that Unicode began with
        try:
            query = fill_sql(template, {"A": a}.__getitem__, dialect)
        except CannotPlace:
            assert "[" in template
            assert "]" in a
            continue
        assert ask(query)[0] == [expected], query


def test_numbers_and_truths_of_params_stay_what_they_are(asked: tuple[Dialect, Ask]) -> None:
    dialect, ask = asked
    for text, query, expected in (
        ("5", "SELECT {{A}} - 0, 1-{{A}}", [5, -4]),
        ("-5", "SELECT {{A}} - 0, 1-{{A}}", [-5, 6]),
        ("true", "SELECT CASE WHEN {{A}} THEN 1 ELSE 0 END", [1]),
        ("false", "SELECT CASE WHEN {{A}} THEN 1 ELSE 0 END", [0]),
    ):
        assert ask(fill_sql(query, {"A": Scalar(text)}.__getitem__, dialect))[1] == expected
    # A variable is a text, whatever it looks like.
    assert fill_sql("SELECT {{A}}", {"A": "5"}.__getitem__, dialect) == "SELECT '5'"
    assert fill_sql("SELECT '{{A}}'", lambda _: Scalar("5"), dialect) == "SELECT '5'"


@pytest.mark.parametrize(
    ("dialect", "template", "why"),
    [
        ("postgres", "SELECT 1 -- {{A}}", "comment"),
        ("postgres", "SELECT 1 /* /* */ {{A}} */", "comment"),
        ("postgres", "SELECT $$ {{A}} $$", "code that is kept as text"),
        ("postgres", "DO 'BEGIN {{A}} END'", "code that is kept as text"),
        ("postgres", "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT {{A}}'", "code"),
        ("postgres", "SELECT U&'{{A}}'", "Unicode"),
        ("postgres", "SELECT x'{{A}}'", "bits"),
        ("postgres", "SELECT E'a'\n{{A}}", "beside another text"),
        ("postgres", "SELECT E'a' -- b\n {{A}}", "beside another text"),
        ("postgres", "SELECT {{A}}\n'b'", "beside another text"),
        ("postgres", "SELECT {{A}} {{B}}", "beside another text"),
        ("postgres", "SELECT E{{A}}", "touches `E`"),
        ("postgres", "SELECT {{A}}x", "touches `x`"),
        ("postgres", "SELECT * FROM public.{{A}}", "touches `.`"),
        ("postgres", "SELECT E'\\{{A}}'", "backslash"),
        ("postgres", "SELECT E'\\x4{{A}}'", "backslash"),
        ("postgres", "SELECT E'\\\\\\12{{A}}'", "backslash"),
        ("postgres", "SELECT 'a' || '{{A}}", "nothing closes"),
        ("postgres", "{{A}}", "statement begins"),
        ("postgres", "SELECT 1; {{A}}", "statement begins"),
        ("postgres", "SET standard_conforming_strings = off; SELECT {{A}}", "changes how text is quoted"),
        ("mysql", "SELECT 1 # {{A}}", "comment"),
        ("mysql", "SELECT /*!40000 {{A}} */ 1", "only some servers run"),
        ("mysql", "SELECT _latin1 {{A}}", "character set"),
        ("mysql", "SELECT @{{A}}", "touches `@`"),
        ("mysql", "SELECT '\\{{A}}'", "backslash"),
        ("mysql", "EXECUTE IMMEDIATE {{A}}", "code that is kept as text"),
        ("mysql", "PREPARE s FROM 'SELECT {{A}}'", "code that is kept as text"),
        ("mysql", "SET NAMES gbk; SELECT {{A}}", "changes how text is quoted"),
        ("mysql", "SET sql_mode = 'ANSI_QUOTES'; SELECT {{A}}", "changes how text is quoted"),
        ("sqlite", "SELECT x'{{A}}'", "bits"),
        ("sqlite", "SELECT $a({{A}})", "parameter"),
        ("sqlite", "SELECT 1 /* {{A}}", "comment"),
    ],
)  # fmt: skip
def test_where_a_value_would_be_code_it_is_refused(dialect: Dialect, template: str, why: str) -> None:
    with pytest.raises(CannotPlace, match=re.escape(why)):
        fill_sql(template, lambda _: "x", dialect)


def test_no_value_holds_nul(asked: tuple[Dialect, Ask]) -> None:
    with pytest.raises(CannotPlace, match="NUL"):
        fill_sql("SELECT {{A}}", lambda _: "a\0b", asked[0])
