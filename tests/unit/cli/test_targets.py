"""Targets as people type them."""

from typing import Any

import pytest

from tocsin_cli.targets import describe_target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("any", {"type": "any"}),
        ("all", {"type": "all"}),
        ("local", {"type": "local"}),
        (" any ", {"type": "any"}),
        ("tag:web", {"type": "tagged", "tag": "web"}),
        ("tagged:web", {"type": "tagged", "tag": "web"}),
        ("tag:dc:fra1", {"type": "tagged", "tag": "dc:fra1"}),
        ("tag:linux and not db", {"type": "tagged", "expression": "linux and not db"}),
        ("all:web", {"type": "tagged", "tag": "web", "mode": "all"}),
        ("all:web or db", {"type": "tagged", "expression": "web or db", "mode": "all"}),
        ("agent:db 1", {"type": "agent", "agent": "db 1"}),
    ],
)
def test_a_target_is_understood(text: str, target: dict[str, Any]) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["", "web", "tag:", "tag: ", "agent:", "any:web", "all:", "Any"])
def test_what_is_no_target_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="use any, all, local, tag:NAME"):
        parse_target(text)


@pytest.mark.parametrize("text", ["any", "all", "local", "tag:web", "tag:linux and not db", "all:web or db"])
def test_describing_gives_back_what_was_typed(text: str) -> None:
    assert describe_target(parse_target(text)) == text


def test_no_target_means_local() -> None:
    assert describe_target(None) == "local"


def test_an_agent_is_described_by_name_when_that_is_known() -> None:
    target = {"type": "agent", "agent_id": "a1"}
    assert describe_target(target, {"a1": "db-1"}) == "agent:db-1"
    assert describe_target(target) == "agent:a1"
