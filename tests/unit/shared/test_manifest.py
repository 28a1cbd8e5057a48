"""Jobs as documents to keep: nothing is lost, nothing is said that need not be, and others are named."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.definitions import whole_definitions

from tocsin_cli.manifests import read_document, write_document
from tocsin_shared.changes import differences
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobCreate, JobDefinition, JobStatus
from tocsin_shared.manifest import Names, named_in, resolved, to_document

WEB, EXTRACT = UUID(int=7), UUID(int=8)
NAMES = Names({"web-1": WEB}, {"extract": EXTRACT})


def ids_in(job: JobDefinition) -> Names:
    """A name for each agent and job that a definition mentions."""
    agent = getattr(job.target, "agent_id", None)
    others = [one.job_id for one in job.depends_on if isinstance(one.job_id, UUID)]
    return Names(
        {"the agent": agent} if agent else {}, {f"job {number}": one for number, one in enumerate(others)}
    )


@settings(max_examples=60)
@given(whole_definitions(), st.sampled_from(JobStatus), st.booleans())
def test_a_job_that_was_exported_applies_without_a_difference(
    job: JobDefinition, status: JobStatus, with_names: bool
) -> None:
    names = ids_in(job) if with_names else Names()
    text = write_document(to_document(job, status, names))
    read = read_document(text, "export")
    document, wrong = resolved(read, names)
    assert wrong == []
    body = JobCreate.model_validate(document)
    again = JobDefinition.model_validate(body.model_dump(exclude={"status"}))
    assert differences(job.model_dump(mode="json"), again.model_dump(mode="json")) == []
    assert body.status is status
    assert write_document(to_document(again, body.status, names)) == text


@settings(max_examples=40)
@given(whole_definitions())
def test_defaults_are_left_out_and_keys_stand_in_the_models_order(job: JobDefinition) -> None:
    document = to_document(job, JobStatus.SCHEDULED, Names())
    assert list(document) == [name for name in JobDefinition.model_fields if name in document]
    for name, value in document.items():
        field = JobDefinition.model_fields[name]
        assert field.is_required() or value != field.get_default(call_default_factory=True)


def test_agents_are_named_where_they_have_a_name() -> None:
    job = JobDefinition.model_validate(
        {
            "name": "a",
            "task": {"type": "noop"},
            "schedule": "manual",
            "target": {"type": "agent", "agent_id": WEB},
        }
    )
    assert to_document(job, JobStatus.PAUSED, NAMES) == {
        "name": "a",
        "task": {"type": "noop"},
        "schedule": {"type": "on_demand"},
        "target": {"type": "agent", "agent": "web-1"},
        "status": "paused",
    }
    assert to_document(job, JobStatus.SCHEDULED, Names())["target"] == {"type": "agent", "agent_id": str(WEB)}


@pytest.mark.parametrize(
    "said",
    ["extract", {"job": "extract"}, {"job_id": "extract"}, {"job_id": str(EXTRACT)}],
)
def test_jobs_are_waited_for_by_name_or_id(said: Any) -> None:
    document, wrong = resolved({"depends_on": [said]}, NAMES)
    assert (document, wrong) == ({"depends_on": [{"job_id": str(EXTRACT)}]}, [])


def test_the_names_that_must_be_looked_up_are_found() -> None:
    document = {
        "target": {"type": "agent", "agent": "web-1"},
        "depends_on": ["a", {"job": "b"}, {"job_id": "c"}, {"job_id": str(new_id())}, {}, 3],
    }
    assert named_in(document) == ({"web-1"}, {"a", "b", "c"})
    assert named_in({"target": "tag:x", "depends_on": "a"}) == (set(), set())


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        ({"target": {"type": "agent", "agent": "x"}}, "target.agent", "there is no agent of this name"),
        ({"target": {"type": "agent", "agent": 3}}, "target.agent", "must be a name"),
        ({"target": {"type": "agent", "agent": "web-1", "agent_id": str(WEB)}}, "target.agent",
         "give either agent or agent_id"),
        ({"depends_on": ["extract", "x"]}, "depends_on.1.job", "there is no job of this name"),
        ({"depends_on": [{"job": None}]}, "depends_on.0.job", "must be a name"),
    ],
)  # fmt: skip
def test_who_is_not_known_is_told(document: Any, field: str, reason: str) -> None:
    _, (wrong,) = resolved(document, NAMES)
    assert (wrong.field, wrong.reason) == (field, reason)
