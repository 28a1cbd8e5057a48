"""What simple agents are told of tasks with a connection."""

from typing import Any

from tocsin_controller.dispatch.merging import merged_task
from tocsin_shared.connections.given import GivenConnection


def given(conn_type: str, **config: Any) -> GivenConnection:
    return GivenConnection(name="c", conn_type=conn_type, config=config)


def test_a_connection_fills_what_the_task_leaves_open() -> None:
    task = {"type": "mqtt", "broker": "", "port": None, "username": "own", "topic": "t", "connection": "c"}
    told = merged_task(task, given("mqtt", broker="b", port=8883, username="other", password="pw", tls=True))
    assert told == {**task, "broker": "b", "port": 8883, "password": "pw", "tls": True}


def test_an_http_task_gets_its_address_and_a_header() -> None:
    connection = given(
        "http", base_url="https://a.example.com", auth_type="bearer", token="t", tls_verify=False
    )
    task = {"type": "http", "method": "get", "url": "/x", "headers": {"A": "b"}, "connection": "c"}
    assert merged_task(task, connection) == {
        **task, "url": "https://a.example.com/x", "headers": {"A": "b", "Authorization": "Bearer t"},
        "tls_verify": False,
    }  # fmt: skip
    elsewhere = {**task, "url": "https://b.example.com/x"}
    assert "Bearer" not in str(merged_task(elsewhere, connection))


def test_an_mcp_task_gets_its_server() -> None:
    told = merged_task(
        {"type": "mcp", "server_url": "", "tool": "t"}, given("http", base_url="https://a.example.com/mcp")
    )
    assert told == {"type": "mcp", "server_url": "https://a.example.com/mcp", "tool": "t"}
