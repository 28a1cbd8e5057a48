"""What documents and stored jobs come to, without a database."""

import itertools
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_controller.services.apply_plan import Wanted, ids_of_names, in_order, name_of_plan, understand
from tocsin_shared.manifest import Names

#: Who waits for whom, among a few jobs.
GRAPHS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12, unique=True)


def document(number: int, parents: set[int], **more: Any) -> dict[str, Any]:
    waits = [{"job": f"job {parent}"} for parent in sorted(parents)]
    return {
        "name": f"job {number}",
        "task": {"type": "noop"},
        "schedule": "manual",
        "depends_on": waits,
        **more,
    }


def documents(edges: list[tuple[int, int]]) -> list[dict[str, Any]]:
    return [document(n, {parent for parent, child in edges if child == n}) for n in range(7)]


def planned(bodies: list[dict[str, Any]]) -> tuple[list[Wanted], list[str]]:
    wanted, wrong = understand(bodies, {}, Names({}, ids_of_names(bodies, {})), None)
    return wanted, [one.reason for one in wrong]


def has_circle(edges: list[tuple[int, int]]) -> bool:
    """By taking away, again and again, who waits for nobody."""
    left = set(range(7))
    while free := {n for n in left if not any(c == n and p in left for p, c in edges)}:
        left -= free
    return bool(left)


@given(GRAPHS)
def test_each_job_comes_after_those_that_it_waits_for(edges: list[tuple[int, int]]) -> None:
    forward = [(low, high) for low, high in edges if low < high]
    wanted, wrong = planned(documents(forward))
    assert wrong == []
    place = {one.definition.name: number for number, one in enumerate(in_order(wanted))}
    assert len(place) == 7
    assert all(place[f"job {parent}"] < place[f"job {child}"] for parent, child in forward)


@given(GRAPHS)
def test_a_circle_is_told_exactly_when_there_is_one(edges: list[tuple[int, int]]) -> None:
    wanted, wrong = planned(documents(edges))
    assert bool(wrong) == has_circle(edges)
    assert len(in_order(wanted)) == 7
    for reason in wrong:
        steps = [int(step.removeprefix("job ")) for step in reason.partition(": ")[2].split(" → ")]
        assert steps[0] == steps[-1]
        assert set(itertools.pairwise(steps)) <= set(edges)


@settings(max_examples=30)
@given(GRAPHS, st.randoms(use_true_random=False))
def test_a_plan_has_the_same_name_in_any_order_and_each_time(
    edges: list[tuple[int, int]], chance: random.Random
) -> None:
    bodies = documents([(low, high) for low, high in edges if low < high])
    name = name_of_plan(planned(bodies)[0], [])
    chance.shuffle(bodies)
    assert name_of_plan(planned(bodies)[0], []) == name
    bodies[0]["priority"] = 1
    assert name_of_plan(planned(bodies)[0], []) != name
