"""What runs say about the runs that led to them."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.workflow.causes import MOST_LINKS, Parent, depth, links, times_in_chain, trigger_of
from tocsin_shared.ids import new_id


def chain(jobs: list[UUID]) -> dict[str, object]:
    """The trigger of the last of runs that led to each other, the first one by hand."""
    trigger = trigger_of("api", by="ann")
    for job_id in jobs:
        trigger = trigger_of("event", Parent(job_id, new_id(), trigger), event_id=new_id())
    return trigger


def test_a_run_that_nobody_but_a_person_caused_has_no_chain() -> None:
    assert trigger_of("cli", by="ann") == {"type": "cli", "by": "ann"}


def test_a_link_tells_how_the_earlier_run_came_about() -> None:
    job_id, run_id, event_id = new_id(), new_id(), new_id()
    trigger = trigger_of("event", Parent(job_id, run_id, {"type": "scheduler"}), event_id=event_id)
    assert trigger == {
        "type": "event",
        "event_id": str(event_id),
        "cause": [{"type": "scheduler", "job_id": str(job_id), "run_id": str(run_id)}],
        "depth": 1,
    }


@given(st.integers(0, 3 * MOST_LINKS))
def test_a_chain_keeps_its_newest_links_and_knows_its_length(length: int) -> None:
    jobs = [new_id() for _ in range(length)]
    trigger = chain(jobs)
    assert [link["job_id"] for link in links(trigger)] == [str(job_id) for job_id in jobs][-MOST_LINKS:]
    assert depth(trigger) == length


def test_coming_back_to_the_same_job_is_counted() -> None:
    one, other = new_id(), new_id()
    assert times_in_chain(chain([one, other, one]), one) == 2
    assert times_in_chain(chain([other]), one) == 0
