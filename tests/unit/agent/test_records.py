"""What stands in the journal is read back as it was written, and nothing else is taken for it."""

from dataclasses import fields
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_agent.clock import Moment
from tocsin_agent.journal.records import Gone, Intent, ProcessMark, Record, Result, Started, decode, encode
from tocsin_shared.executions import REPORTABLE_STATUSES, Reason

TEXT = st.text(st.characters(codec="utf-8"), max_size=50)
SECS = st.floats(0, 1e10, allow_nan=False)
BYTES = st.integers(0, 2**50)
MOMENTS = st.builds(Moment, boot=TEXT, uptime_secs=SECS, wall_secs=SECS)
MARKS = st.builds(ProcessMark, pid=st.integers(1, 2**22), started_secs=SECS, boot=TEXT)
INTENTS = st.builds(
    Intent,
    execution_id=st.uuids(),
    fence=st.integers(1, 2**31),
    job_name=TEXT,
    task_type=TEXT,
    at=MOMENTS,
)
STARTS = st.builds(Started, execution_id=st.uuids(), at=MOMENTS, process=st.none() | MARKS)
RESULTS = st.builds(
    Result,
    execution_id=st.uuids(),
    seq=st.integers(1, 2**31),
    status=st.sampled_from(sorted(REPORTABLE_STATUSES)),
    at=MOMENTS,
    started_at=st.none() | MOMENTS,
    exit_code=st.none() | st.integers(-(2**31), 2**31 - 1),
    reason=st.none() | st.sampled_from(Reason),
    message=st.none() | TEXT,
    stdout_bytes=BYTES,
    stderr_bytes=BYTES,
    stdout_truncated=st.booleans(),
    stderr_truncated=st.booleans(),
    cpu_secs=st.none() | SECS,
    peak_memory_bytes=st.none() | BYTES,
)
SETTLED = st.builds(Gone, st.lists(st.uuids(), max_size=5).map(tuple))


@given(st.one_of(INTENTS, STARTS, RESULTS, SETTLED))
def test_every_record_is_read_back_as_it_was_written(record: Record) -> None:
    assert decode(encode(record)) == record


@given(RESULTS)
def test_what_is_read_back_has_the_types_it_was_written_with(record: Result) -> None:
    again = decode(encode(record))
    for field in fields(record):
        assert type(getattr(again, field.name)) is type(getattr(record, field.name))


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[]", b"7", b"null", b'["intent"]', b'["intent",{}]', b'["dance",{}]', b'["result",null]', b"\xff",
     b'["gone",{"execution_ids":["x"]}]', b'["gone",{"execution_ids":[7]}]', b'["started",[]]'],
)  # fmt: skip
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - orjson words its own
        decode(payload)


def test_a_record_from_a_newer_agent_with_more_keys_is_understood() -> None:
    record = Gone((uuid4(),))
    payload = encode(record).replace(b'{"execution_ids"', b'{"new":1,"execution_ids"')
    assert decode(payload) == record
