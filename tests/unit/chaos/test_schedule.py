"""The plan of faults follows from its seed."""

import itertools

from tests.chaos.schedule import Kind, draw

KINDS = [Kind("kill", ("c1", "c2"), 0, 1, weight=3), Kind("partition", ("a1",), 2, 8)]


def test_the_same_seed_draws_the_same_plan() -> None:
    assert draw(KINDS, 7, 300) == draw(KINDS, 7, 300)
    assert draw(KINDS, 7, 300) != draw(KINDS, 8, 300)


def test_faults_follow_each_other_and_end_in_time() -> None:
    plan = draw(KINDS, 7, 300, pause_secs=4)
    assert len(plan) > 20
    assert {p.kind for p in plan} == {"kill", "partition"}
    for one, following in itertools.pairwise(plan):
        assert following.after_secs >= one.after_secs + one.for_secs + 1.9
    assert plan[-1].after_secs + plan[-1].for_secs <= 300


def test_there_may_be_no_time_for_any() -> None:
    assert draw([Kind("long", ("x",), 50, 60)], 1, 20) == []
