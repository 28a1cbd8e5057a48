"""What differs between two documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_shared.changes import MOST_CHANGES, differences, same

KEYS = st.sampled_from(["a", "b", "type", "a.b", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, JSON, max_size=4)


def said(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


@given(DOCUMENTS, DOCUMENTS)
def test_nothing_differs_exactly_when_both_say_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = differences(one, other)
    assert (found == []) == same(said(one), said(other))
    assert all(not same(change.before, change.after) for change in found)
    paths = [change.path for change in found]
    assert len(set(paths)) == len(paths)


@given(DOCUMENTS, DOCUMENTS)
def test_the_other_way_round_the_same_fields_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    there = [(c.path, c.before, c.after) for c in differences(one, other)]
    back = [(c.path, c.after, c.before) for c in differences(other, one)]
    assert there == back


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ["a.c"]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, ["a.1", "a.2"]),
        ({"a": {"x.y": 1}}, {"a": {"x.y": 2}}, ['a."x.y"']),
        ({"task": {"type": "noop"}}, {"task": {"type": "shell", "command": "true"}}, ["task"]),
        ({"a": {"b": None}}, {"a": {}}, ["a"]),
        ({"a": None}, {}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": 1}, {"a": 1.0}, []),
    ],
)
def test_a_difference_is_told_where_it_is(before: Any, after: Any, paths: list[str]) -> None:
    assert [change.path for change in differences(before, after)] == paths


def test_a_great_many_differences_are_told_as_fewer_wider_ones() -> None:
    many = MOST_CHANGES + 1
    (change,) = differences({"a": [1] * many}, {"a": [2] * many})
    assert change.path == "a"
