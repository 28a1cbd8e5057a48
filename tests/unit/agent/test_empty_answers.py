"""A poll that brought nothing is told without taking work of all types apart."""

import pytest
from pydantic_core import to_json

from tocsin_agent.http_link import is_nothing
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import CancelOrder, PollResponse


@pytest.mark.parametrize("held_secs", [None, 0.0, 24.999999999999996])
def test_an_answer_without_work_and_orders_is_nothing(held_secs: float | None) -> None:
    assert is_nothing(to_json(PollResponse(held_secs=held_secs)))


def test_an_answer_of_an_older_controller_is_nothing_too() -> None:
    assert is_nothing(b'{"executions":[],"cancel":[],"stop":[]}')


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"nothing"', b"null"])
def test_what_is_no_answer_is_not_nothing(body: bytes) -> None:
    assert not is_nothing(body)


def test_an_order_is_something() -> None:
    order = CancelOrder(execution_id=new_id(), fence=1)
    assert not is_nothing(to_json(PollResponse(cancel=[order])))
    assert not is_nothing(b'{"executions":[{}],"cancel":[],"stop":[]}')
