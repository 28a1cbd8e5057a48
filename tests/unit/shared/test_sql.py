"""SQL is cut where its server would cut it."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_shared.sql import Dialect, Kind, statements, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        (" ;; SELECT 1 ;\n; ", ["SELECT 1"]),
        ("-- only; a comment", []),
        ("SELECT ';', E'\\';', \";\" -- ;\n; SELECT 2", ["SELECT ';', E'\\';', \";\" -- ;", "SELECT 2"]),
        ("SELECT $$;$$, $a$;$$;$a$; SELECT 2", ["SELECT $$;$$, $a$;$$;$a$", "SELECT 2"]),
        ("SELECT a$$, b$$; SELECT 2", ["SELECT a$$, b$$", "SELECT 2"]),
        ("SELECT /* ; /* ; */ ; */ 1; SELECT 2", ["SELECT /* ; /* ; */ ; */ 1", "SELECT 2"]),
        ("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3",
         ["CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "SELECT 3"]),
        ("CREATE OR REPLACE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
         ["CREATE OR REPLACE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
          "SELECT 3"]),
        ("BEGIN; SELECT 1; END; SELECT 2", ["BEGIN", "SELECT 1", "END", "SELECT 2"]),
        ("SELECT E'a'\n'b\\';'; SELECT 2", ["SELECT E'a'\n'b\\';'", "SELECT 2"]),
        ("SELECT 'a'\n'b\\'; SELECT 2", ["SELECT 'a'\n'b\\'", "SELECT 2"]),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
    ],
)  # fmt: skip
def test_statements_of_postgres(text: str, expected: list[str]) -> None:
    assert statements(text, "postgres") == expected


def test_triggers_of_sqlite_are_one_statement() -> None:
    trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN 1 THEN ';' END; SELECT 2; END"
    assert statements(f"{trigger}; SELECT [;], `;`, \";\", ';'; SELECT 3", "sqlite") == [
        trigger,
        "SELECT [;], `;`, \";\", ';'",
        "SELECT 3",
    ]


PIECES = ["'", '"', "`", "[", "]", "\\", "--", "/*", "*/", "#", "\n", " ", ";", "$$", "$a$", "$", "e'", "E'", "x'",
          "U&'", "a", "1", "{", "(", ")", "é", "@", "''", "-- ", "/*!", "N'", "begin", " END", "create ",
          "trigger "]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@pytest.mark.parametrize("dialect", ["postgres", "mysql", "sqlite"])
@given(text=TEXT)
def test_every_character_is_in_one_piece(dialect: Dialect, text: str) -> None:
    found = list(tokens(text, dialect))
    assert "".join(text[token.start : token.end] for token in found) == text
    for token in found:
        assert token.start <= token.inner <= token.inner_end <= token.end
        assert token.is_closed or token.end == len(text)


@given(text=TEXT)
def test_sqlite_finds_statements_complete_where_they_are_cut(text: str) -> None:
    for statement in statements(text + "\n;", "sqlite"):
        is_open = any(not token.is_closed for token in tokens(statement, "sqlite"))
        assert is_open or sqlite3.complete_statement(statement + "\n;")


def test_what_is_not_closed_goes_on_to_the_end() -> None:
    for text, kind in (
        ("'a''", Kind.STRING),
        ("E'a\\'", Kind.ESCAPED),
        ('"a""', Kind.IDENTIFIER),
        ("/* /* */", Kind.BLOCK_COMMENT),
        ("$x$ $x", Kind.DOLLAR),
    ):
        (token,) = tokens(text, "postgres")
        assert (token.kind, token.is_closed, token.end) == (kind, False, len(text))
