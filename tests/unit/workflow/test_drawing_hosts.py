"""A target that means so many hosts: who is drawn when a run begins."""

from typing import Any

import pytest
from pydantic import ValidationError

from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.workflow.rollouts.beginning import fan_out
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition


def agents(online: int, offline: int = 0) -> list[AgentFacts]:
    statuses = ["online"] * online + ["offline"] * offline
    return [
        AgentFacts(new_id(), f"a{number}", "standard", status, frozenset({"web"}), frozenset({"noop"}))
        for number, status in enumerate(statuses)
    ]


def job(**target: Any) -> JobDefinition:
    return JobDefinition.model_validate(
        {"name": "j", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}, "target": target}
    )


@pytest.mark.parametrize("target", [{"type": "all"}, {"type": "tagged", "tag": "web", "mode": "all"}])
def test_so_many_are_drawn_and_each_has_its_turn(target: dict[str, Any]) -> None:
    fleet = agents(5, offline=3)
    seen = set()
    for _ in range(200):
        begun = fan_out(job(**target, count=2), fleet)
        assert len({one.agent_id for one in begun.executions}) == 2
        assert begun.not_reached == (), "as many as were wanted are there"
        seen |= {one.agent_id for one in begun.executions}
    assert seen == {agent.id for agent in fleet[:5]}


def test_where_there_are_fewer_all_are_meant_and_the_missing_are_named() -> None:
    begun = fan_out(job(type="all", count=4), agents(2, offline=3))
    assert (len(begun.executions), len(begun.not_reached)) == (2, 2)


def test_a_count_is_for_targets_that_mean_every_host_and_left_out_when_there_is_none() -> None:
    with pytest.raises(ValidationError, match="mode `all`"):
        job(type="tagged", tag="web", count=2)
    plain = job(type="all").target
    assert plain is not None
    assert plain.model_dump(mode="json") == {"type": "all"}
