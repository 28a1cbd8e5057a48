"""Values in connection strings are the piece that they stand for, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_agent.tasks.sql.mysql import _read
from tocsin_agent.tasks.sql.postgres_address import postgres_address
from tocsin_controller.substitution.connection_strings import fill_connection_string
from tocsin_controller.substitution.references import CannotPlace
from tocsin_controller.substitution.tasks import inspect

VALUE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
NASTY = st.lists(st.sampled_from(list("@:/?#&%=+'\"\\ \n;,[]{}a")), min_size=1, max_size=8).map("".join)


@given(value=VALUE | NASTY)
def test_a_password_arrives_as_it_is(value: str) -> None:
    for template in (
        "postgresql://me:{{P}}@db:6000/shop",
        "host=db port=6000 password={{P}} user=me dbname=shop",
        "host=db port=6000 password='{{P}}' user='me' dbname=shop",
    ):
        address = postgres_address(fill_connection_string(template, lambda _: value, "postgres"), None)
        assert (address.hosts, address.ports, address.user, address.password, address.database) == (
            ["db"],
            [6000],
            "me",
            value,
            "shop",
        )
    filled = fill_connection_string("mysql://me:{{P}}@db:6000/shop", lambda _: value, "mysql")
    mysql = _read(filled, None)
    assert (mysql.host, mysql.port, mysql.user, mysql.password, mysql.database) == (
        "db",
        6000,
        "me",
        value,
        "shop",
    )


def test_a_variable_can_be_all_of_it() -> None:
    url = "postgresql://me:a%40b@db/shop?sslmode=require"
    assert fill_connection_string("{{URL}}", lambda _: url, "postgres") == url
    assert fill_connection_string("/data/{{NAME}}.db", lambda _: "a b", "sqlite") == "/data/a b.db"
    assert (
        fill_connection_string("sqlite:///data/{{NAME}}.db", lambda _: "a?b", "sqlite")
        == "sqlite:///data/a%3Fb.db"
    )


@pytest.mark.parametrize("template", ["{{A}}/shop", "host=db-{{A}}", "host = x{{A}}"])
def test_what_would_be_more_than_a_piece_is_refused(template: str) -> None:
    with pytest.raises(CannotPlace):
        fill_connection_string(template, lambda _: "x", "postgres")


def test_a_job_is_told_where_its_references_are_misplaced() -> None:
    task = {"type": "sql", "driver": "postgres", "query": "SELECT 1 -- {{A}}", "connection_string": "{{B}}/x"}
    _, misplaced = inspect(task)
    assert sorted(one.field for one in misplaced) == ["task.connection_string", "task.query"]
