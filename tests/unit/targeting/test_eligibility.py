"""Why an agent takes part, or does not."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tocsin_controller.eligibility import Candidate, judge
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.targeting import route_for, routes_of
from tocsin_shared.eligibility import Hindrance
from tocsin_shared.ids import new_id
from tocsin_shared.targets import Target, is_fan_out

SEEN = datetime(2026, 1, 1, tzinfo=UTC)
ID = new_id()
TARGET: TypeAdapter[Target] = TypeAdapter(Target)


def candidate(
    *, kind: str = "standard", status: str = "online", tags: str = "", types: str = "shell", busy: int = 0
) -> Candidate:
    facts = AgentFacts(ID, "a", kind, status, frozenset(tags.split()), frozenset(types.split()))
    return Candidate(facts, 2, busy, SEEN)


def target(**parts: object) -> Target:
    return TARGET.validate_python(parts)


def codes(one: Candidate, aim: Target | None, task_type: str = "shell") -> list[Hindrance]:
    return [found.code for found in judge(one, aim, task_type).hindrances]


@pytest.mark.parametrize(
    ("one", "aim", "expected"),
    [
        (candidate(), target(type="any"), []),
        (candidate(types="http"), target(type="any"), ["task_type"]),
        (candidate(tags="db"), target(type="tagged", expression="linux and not db"), ["tags"]),
        (candidate(), target(type="agent", agent_id=ID), []),
        (candidate(), target(type="agent", agent_id=new_id()), ["not_named"]),
        (candidate(), target(type="local"), ["not_a_controller"]),
        (candidate(), None, ["not_a_controller"]),
        (candidate(kind="local"), None, []),
        (candidate(kind="local"), target(type="all"), ["not_a_controller"]),
        (candidate(status="offline", busy=2), target(type="all"), ["offline"]),
        (candidate(status="draining", busy=2), target(type="all"), ["draining", "busy"]),
        (candidate(kind="custom", types=""), target(type="any"), ["task_type"]),
    ],
)
def test_what_keeps_an_agent_away_is_named(one: Candidate, aim: Target | None, expected: list[str]) -> None:
    assert codes(one, aim) == expected


def test_being_away_or_busy_is_no_mismatch() -> None:
    away = judge(candidate(status="offline"), target(type="any"), "shell")
    assert (away.matches, away.is_ready) == (True, False)
    assert away.hindrances[0].since == SEEN


def test_the_words_name_tags_and_types() -> None:
    aim = target(type="tagged", expression="linux and not db")
    found = judge(candidate(tags="db", types="http noop"), aim, "shell").hindrances
    assert [one.message for one in found] == [
        "lacks the tag linux, has the tag db",
        "does not run shell tasks (it runs http, noop)",
    ]


tags = st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(" ".join)
aims = st.one_of(
    st.just(target(type="any")),
    st.sampled_from(["a", "a and b", "a and not (b or c)", "not c"]).map(
        lambda text: target(type="tagged", expression=text)
    ),
)


@given(tags, aims, st.sampled_from(["shell", "http"]), st.sampled_from(["standard", "custom", "local"]))
def test_who_matches_is_who_may_take_from_the_route(
    owned: str, aim: Target, task_type: str, kind: str
) -> None:
    """The explanation and the queue never disagree."""
    one = candidate(kind=kind, tags=owned)
    assert not is_fan_out(aim)
    assert judge(one, aim, task_type).matches == (route_for(aim, task_type) in routes_of(one.facts))
