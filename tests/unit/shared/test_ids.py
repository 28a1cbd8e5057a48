"""Time-ordered ids."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tocsin_shared.ids import id_floor, id_time, new_id, occurrence_id

MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  its bounds


def test_ids_of_one_process_never_go_backwards() -> None:
    ids = [new_id() for _ in range(50_000)]
    assert ids == sorted(set(ids))
    assert all(i.version == 7 for i in ids[:100])


def test_an_id_knows_its_time() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    assert before <= id_time(new_id()) <= datetime.now(UTC) + timedelta(milliseconds=2)


def test_an_id_of_others_may_name_no_year_that_there_is() -> None:
    assert id_time(UUID(int=2**128 - 1)).year == 9999


@given(MOMENTS)
def test_an_occurrence_has_one_id(moment: datetime) -> None:
    job = new_id()
    same = occurrence_id(job, moment)
    assert same == occurrence_id(job, moment)
    assert same.version == 7
    assert same != occurrence_id(new_id(), moment)
    assert same != occurrence_id(job, moment + timedelta(microseconds=1))
    assert abs(id_time(same) - moment) <= timedelta(milliseconds=1)


@given(MOMENTS)
def test_the_floor_of_a_moment_precedes_its_ids(moment: datetime) -> None:
    assert id_floor(moment) < occurrence_id(new_id(), moment)
    assert occurrence_id(new_id(), moment) < id_floor(moment + timedelta(milliseconds=2))
