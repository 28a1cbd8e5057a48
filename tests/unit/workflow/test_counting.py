"""When a minute that was counted is counted again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.counting import GIVEN_UP, LATEST, SECOND_LOOK, SOONEST, minute_count, minutes_between

MINUTE = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


@given(
    counts=st.dictionaries(
        st.sampled_from(["succeeded", "running", "pending", "lost", "failed"]), st.integers(1, 9)
    ),
    age=st.timedeltas(timedelta(minutes=1), timedelta(days=80)),
)
def test_a_minute_is_looked_at_until_nothing_in_it_can_change(counts: dict[str, int], age: timedelta) -> None:
    now = MINUTE + age
    found = minute_count(MINUTE, counts, now)
    assert sum(found.by_status.values()) == sum(counts.values())
    may_change = bool(counts.keys() & {"running", "pending", "lost"})
    if age >= GIVEN_UP or (age >= SECOND_LOOK and not may_change):
        assert found.recount_at is None
    elif may_change:
        assert found.recount_at is not None
        assert SOONEST <= found.recount_at - now <= LATEST
    else:
        assert found.recount_at == MINUTE + SECOND_LOOK


def test_what_has_not_ended_is_counted_as_open() -> None:
    found = minute_count(MINUTE, {"running": 2, "pending": 3, "pending_approval": 1, "failed": 4}, MINUTE)
    assert found.by_status == {"open": 6, "failed": 4}


def test_minutes_between_leave_out_the_last() -> None:
    end = MINUTE + timedelta(minutes=2)
    assert minutes_between(MINUTE, end) == [MINUTE, MINUTE + timedelta(minutes=1)]
    assert minutes_between(end, MINUTE) == []
