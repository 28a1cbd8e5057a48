"""Who may take what."""

import pytest

from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.targeting import route_for, routes_of, takes_part
from tocsin_shared.ids import new_id
from tocsin_shared.targets import AgentTarget, AllTarget, AnyTarget, LocalTarget, TaggedMode, TaggedTarget


def agent(
    *,
    kind: str = "standard",
    status: str = "online",
    tags: tuple[str, ...] = (),
    types: tuple[str, ...] = ("shell",),
) -> AgentFacts:
    return AgentFacts(new_id(), "a", kind, status, frozenset(tags), frozenset(types))


def test_an_agent_takes_by_name_by_type_and_by_tag() -> None:
    one = agent(tags=("linux",), types=("shell", "http"))
    assert routes_of(one).listed == {
        f"agent:{one.id}",
        "any:shell",
        "any:http",
        "tag:linux:shell",
        "tag:linux:http",
    }


def test_a_third_party_agent_takes_custom_tasks_and_what_names_it() -> None:
    one = agent(kind="custom", tags=("edge",), types=())
    assert routes_of(one).listed == {f"agent:{one.id}", "any:custom", "tag:edge:custom"}


def test_only_a_controller_takes_local_work() -> None:
    assert routes_of(agent(kind="local")).listed == {"local"}
    assert "local" not in routes_of(agent())


def test_every_target_has_a_route() -> None:
    agent_id = new_id()
    assert route_for(None, "shell") == "local"
    assert route_for(LocalTarget(type="local"), "shell") == "local"
    assert route_for(AnyTarget(type="any"), "http") == "any:http"
    assert route_for(TaggedTarget(type="tagged", tag="db"), "shell") == "tag:db:shell"
    assert route_for(AgentTarget(type="agent", agent_id=agent_id), "shell") == f"agent:{agent_id}"
    with pytest.raises(ValueError, match="per agent"):
        route_for(AllTarget(type="all"), "shell")


def test_expressions_that_mean_the_same_share_a_route() -> None:
    def route(expression: str) -> str:
        return route_for(TaggedTarget(type="tagged", expression=expression), "shell")

    assert route("linux AND (not(db))") == route("linux and not db") == "fit:shell:linux and not db"
    assert route("(linux)") == "tag:linux:shell"
    with pytest.raises(ValueError, match="per agent"):
        route_for(TaggedTarget(type="tagged", tag="db", mode=TaggedMode.ALL), "shell")


def test_an_agent_takes_what_its_tags_fit() -> None:
    routes = routes_of(agent(tags=("linux", "dc:fra1")))
    assert "fit:shell:linux and not db" in routes
    assert "fit:shell:dc:fra1 and not linux" not in routes
    assert "fit:http:linux and not db" not in routes
    assert "fit:shell:linux and not db" not in routes_of(agent(kind="local"))


def test_tagged_all_reaches_those_with_the_tags_and_counts_no_others() -> None:
    target = TaggedTarget(type="tagged", expression="linux and not db", mode=TaggedMode.ALL)
    reached = takes_part(agent(tags=("linux",)), "shell", target)
    assert reached is not None
    assert reached.eligible
    away = takes_part(agent(tags=("linux",), status="offline"), "shell", target)
    assert away is not None
    assert not away.eligible
    assert takes_part(agent(tags=("linux", "db")), "shell", target) is None


def test_an_all_run_reaches_those_online_and_names_the_others() -> None:
    online, offline = takes_part(agent(), "shell"), takes_part(agent(status="offline"), "shell")
    assert online is not None
    assert online.eligible
    assert offline is not None
    assert (offline.eligible, offline.why) == (False, "offline")


def test_agents_of_the_wrong_type_do_not_count_for_an_all_run() -> None:
    assert takes_part(agent(kind="custom"), "shell") is None
    assert takes_part(agent(kind="local"), "shell") is None
    assert takes_part(agent(types=("http",)), "shell") is None
