"""What a language model is told, and finding the job in what it says."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from tocsin_controller.services.generating.reading import document_in
from tocsin_controller.services.generating.wording import SCHEDULES, TARGETS, instructions
from tocsin_shared.jobs import JobCreate
from tocsin_shared.tasks import Task


def test_it_is_told_of_every_type_of_task_and_little_else() -> None:
    told = instructions(datetime(2026, 1, 31, tzinfo=UTC))
    for model in get_args(get_args(Task)[0]):
        (word,) = get_args(model.model_fields["type"].annotation)
        assert f"\n- {word}: " in told
    assert told.endswith("The time is 2026-01-31T00:00:00Z, a Saturday.")
    assert len(told) < 6_000


def test_the_examples_are_such_as_jobs_take() -> None:
    for schedule, _ in SCHEDULES:
        JobCreate.model_validate({"name": "a", "task": {"type": "noop"}, "schedule": schedule})
    for target, _ in TARGETS:
        job = {"name": "a", "task": {"type": "noop"}, "schedule": "on_demand", "target": target}
        JobCreate.model_validate(job)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1}',
        'One {x}:\n```json\n{"a": 1}\n```\nor {y}',
        'It is {"a": 1}, I think',
        '{"job": {"a": 1}}',
        '```\n[1]\n```\n```\r\n{"a": 1}```',
    ],
)
def test_the_object_is_found(text: str) -> None:
    assert document_in(text) == b'{"a":1}'


@pytest.mark.parametrize(
    "text", ["", "none", "}{", "[1]", "{" * 5_000, '{"a":' * 600 + "1" + "}" * 600, "```" + "\n" * 50_000]
)
def test_what_has_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON object"):
        document_in(text)
