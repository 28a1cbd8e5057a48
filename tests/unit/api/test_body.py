from typing import Any

import pytest
from pydantic import BaseModel

from tocsin_controller.api.body import MAX_DEPTH, parse_fast, parse_strictly
from tocsin_shared.errors import InvalidInput, MalformedBody
from tocsin_shared.jobs import JobCreate


class Anything(BaseModel):
    data: Any = None


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"{", "line 1 column 2"),
        (b'{"data": 1} x', "Extra data"),
        (b'{"data": NaN}', "NaN"),
        (b'{"data": -Infinity}', "-Infinity"),
        (b'{"data": 1e999}', "too large"),
        (b'{"data": 9223372036854775808}', "64 bits"),
        (b'{"data": ' + b"9" * 5000 + b"}", "64 bits"),
        (b'{"data": 1, "data": 2}', 'key "data" comes twice'),
        (b'{"data": "\xff"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"data": 1}', "BOM"),
        (b"[1]", "a list"),
        (b"1", "a number"),
        (b"null", "null"),
        (b'"x"', "text"),
        (b'{"data": ' + b"[" * 100_000, "deeply"),
        (b'{"data": ' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}", "deeply"),
        (b'{"data": "a\nb"}', "control character"),
        (b"{'data': 1}", "property name"),
    ],
)
def test_a_body_that_is_no_clean_json_object_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(MalformedBody, match=says):
        parse_strictly(Anything, raw)


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "x\\udc00y"])
def test_what_the_database_cannot_hold_is_refused_by_its_place(text: str) -> None:
    raw = b'{"data": {"a": [1, "%s"]}}' % text.encode()
    with pytest.raises(InvalidInput) as refused:
        parse_strictly(Anything, raw)
    assert [d.field for d in refused.value.details] == ["data.a.1"]


def test_a_surrogate_pair_is_a_character() -> None:
    assert parse_strictly(Anything, b'{"data": "\\ud83d\\ude00"}').data == "\U0001f600"


def test_ordinary_depth_and_numbers_are_fine() -> None:
    raw = b'{"data": [[[[-9223372036854775808, 9223372036854775807, 1.5e300, true, null]]]]}'
    assert parse_strictly(Anything, raw).data == [[[[-(2**63), 2**63 - 1, 1.5e300, True, None]]]]


def test_findings_are_addressed_as_in_the_request_and_all_told_at_once() -> None:
    raw = b"""{"name": 5, "task": {"type": "shell", "cmd": "x", "env": {"1A": "b", "B": 2}}, "retry_max": -1,
               "schedule": {"type": "interval", "value": {"interval_secs": 0}}, "target": {"type": "nowhere"},
               "notifications": {"on_fail": true, "recipients": {"emails": ["x"]}}, "colour": "red"}"""
    with pytest.raises(InvalidInput) as refused:
        parse_strictly(JobCreate, raw)
    found = {d.field: d.reason for d in refused.value.details}
    assert found["name"] == "must be text"
    assert found["task.command"] == "is required"
    assert found["task.cmd"] == "is not a known field"
    assert "task.env.1A" in found
    assert found["task.env.B"] == "must be text"
    assert found["schedule.value.interval_secs"] == "must be at least 1"
    assert "'local', 'agent', 'any'" in found["target"]
    assert found["retry_max"] == "must be at least 0"
    assert found["notifications.on_fail"] == "is not a known field"
    assert found["notifications.recipients.emails.0"].startswith("must be a plain mail address")
    assert found["colour"] == "is not a known field"


def test_findings_never_repeat_what_was_sent() -> None:
    raw = b'{"name": "a", "task": {"type": "shell", "command": 12345678}, "schedule": "s3cret-value"}'
    with pytest.raises(InvalidInput) as refused:
        parse_strictly(JobCreate, raw)
    assert "s3cret" not in str(refused.value.details)
    assert "12345678" not in str(refused.value.details)


def test_what_agents_send_is_malformed_or_does_not_fit() -> None:
    with pytest.raises(MalformedBody, match="not valid JSON"):
        parse_fast(JobCreate, b"{")
    with pytest.raises(InvalidInput):
        parse_fast(JobCreate, b"[]")


def test_a_check_that_meets_an_unexpected_type_is_no_defect() -> None:
    with pytest.raises(InvalidInput):
        parse_strictly(
            JobCreate, b'{"name": "a", "task": {"type": "noop"}, "schedule": "manual", "status": {}}'
        )
