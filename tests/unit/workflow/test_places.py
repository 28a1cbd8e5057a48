"""Who gets a place, who waits, and who has to go."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.store.places import Asking, Need, OnKey, Taken
from tocsin_controller.workflow.gates.needs import is_gated
from tocsin_controller.workflow.gates.places import Refused, Tally, needs_of, own_key, to_admit, to_replace
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition

JOB_ID = UUID(int=7)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def job(**more: Any) -> JobDefinition:
    return JobDefinition.model_validate(
        {"name": "j", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}, **more}
    )


def asking(number: int, **needs: int) -> Asking:
    return Asking(UUID(int=number), JOB_ID, 1, tuple(Need(key, at_most) for key, at_most in needs.items()))


def numbers(runs: list[Asking]) -> list[int]:
    return [run.run_id.int for run in runs]


def test_a_job_without_limits_has_no_gates() -> None:
    assert not is_gated(job())
    assert not is_gated(job(overlap="queue"))
    assert needs_of(JOB_ID, job(max_concurrent=3)) == ()


def test_a_run_needs_a_place_for_each_limit() -> None:
    definition = job(max_concurrent=3, overlap="replace", concurrency={"key": "db", "limit": 2})
    assert needs_of(JOB_ID, definition) == (Need(own_key(JOB_ID), 3, True), Need("key:db", 2))


def test_a_job_that_skips_takes_no_more_than_its_limit() -> None:
    definition = job(max_concurrent=2)
    tally = Tally(open={JOB_ID: 1})
    assert tally.count_open(JOB_ID, definition) is None
    refused = tally.count_open(JOB_ID, definition)
    assert refused is not None
    assert refused.reason is Reason.OVERLAP


def test_a_job_that_queues_lets_runs_wait_up_to_a_limit() -> None:
    definition = job(max_concurrent=1, overlap="queue", max_queued=1)
    tally = Tally()
    first, second, third = (tally.take(JOB_ID, definition) for _ in range(3))
    assert (first, second) == (True, False)
    assert isinstance(third, Refused)
    assert third.reason is Reason.QUEUE_FULL


def test_nobody_passes_those_that_wait() -> None:
    tally = Tally(taken={"key:db": Taken(held=0, waiting=1)})
    assert tally.take(JOB_ID, job(concurrency={"key": "db", "limit": 5})) is False


def test_places_are_given_in_order() -> None:
    waiting = [asking(n, db=2) for n in range(5)]
    assert numbers(to_admit(waiting, {})) == [0, 1]
    assert numbers(to_admit(waiting, {"db": Taken(1)})) == [0]


def test_who_waits_for_another_key_keeps_nobody_from_this_one() -> None:
    waiting = [asking(0, own=1, db=1), asking(1, db=1)]
    assert numbers(to_admit(waiting, {"own": Taken(1)})) == [1]


def test_one_that_needs_the_key_for_itself_is_not_passed_for_ever() -> None:
    waiting = [asking(0, db=1), asking(1, db=5)]
    assert to_admit(waiting, {"db": Taken(2, 0, 5)}) == []
    assert numbers(to_admit(waiting, {})) == [0]


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 4), min_size=1), max_size=30),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)),
)
def test_no_limit_is_ever_exceeded_and_the_first_gets_in_if_it_can(
    needs: list[dict[str, int]], held: dict[str, int]
) -> None:
    waiting = [asking(number, **one) for number, one in enumerate(needs)]
    admitted = to_admit(waiting, {key: Taken(number, 0, 4) for key, number in held.items() if number})
    for key in "abc":
        limits = [need.at_most for run in admitted for need in run.needs if need.key == key]
        if limits:
            assert held.get(key, 0) + len(limits) <= min(limits)
    if waiting and all(held.get(need.key, 0) < need.at_most for need in waiting[0].needs):
        assert admitted[0] is waiting[0]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20))
def test_waiting_ends_once_nobody_holds_anything(limits: list[int]) -> None:
    waiting = [
        asking(number, a=limit, **({"b": 1} if limit == 2 else {})) for number, limit in enumerate(limits)
    ]
    for _ in range(len(limits)):
        admitted = to_admit(waiting, {})
        assert admitted
        waiting = [run for run in waiting if run not in admitted]
        if not waiting:
            return
    assert not waiting


def on_key(number: int, *, at_most: int = 1, waits: bool = False, replacing: bool = True) -> OnKey:
    return OnKey(UUID(int=number), at_most, replacing, None if waits else NOW, None)


def test_the_oldest_go_for_a_newer_one() -> None:
    runs = [on_key(0, at_most=2), on_key(1, at_most=2), on_key(2, at_most=2, waits=True)]
    assert to_replace(runs) == [(UUID(int=0), UUID(int=2))]


def test_of_several_that_wait_only_the_newest_stays() -> None:
    runs = [on_key(0), on_key(1, waits=True), on_key(2, waits=True)]
    assert to_replace(runs) == [(UUID(int=0), UUID(int=2)), (UUID(int=1), UUID(int=2))]


def test_nobody_is_asked_to_go_twice_or_without_need() -> None:
    assert to_replace([on_key(0)._replace(replaced_by=UUID(int=1)), on_key(1, waits=True)]) == []
    assert to_replace([on_key(0, at_most=5), on_key(1, at_most=5, waits=True)]) == []
    assert to_replace([on_key(0, replacing=False), on_key(1, replacing=False, waits=True)]) == []
