"""What null means in an update, for every field there is."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.definitions import accepted, values_of, whole_definitions

from tocsin_shared.jobs import JobDefinition, JobUpdate

FIELDS = JobDefinition.model_fields
OPTIONAL = [name for name, field in FIELDS.items() if not field.is_required() and field.default is None]

BASE = {
    "name": "j",
    "task": {"type": "shell", "command": "true"},
    "schedule": {"type": "cron", "value": "0 0 * * * *"},
}


def test_every_field_of_a_definition_can_be_updated() -> None:
    assert not FIELDS.keys() - JobUpdate.model_fields.keys()


@pytest.mark.parametrize("field", OPTIONAL)
@settings(max_examples=5, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_null_clears_what_may_be_absent(field: str, data: st.DataObject) -> None:
    """Each optional field is given a value that the model takes, and null takes it away again."""
    values = values_of(field).filter(
        lambda value: value is not None and accepted({**BASE, field: value}) is not None
    )
    value = data.draw(values)
    job = JobDefinition.model_validate({**BASE, field: value})
    assert getattr(JobUpdate.model_validate({field: None}).merged_over(job), field) is None
    assert JobUpdate().merged_over(job) == job
    assert JobUpdate.model_validate({field: value}).merged_over(JobDefinition.model_validate(BASE)) == job


@settings(max_examples=40)
@given(whole_definitions())
def test_null_leaves_alone_what_must_be_there(job: JobDefinition) -> None:
    everything = {name: None for name in FIELDS if name not in OPTIONAL}
    assert JobUpdate.model_validate(everything).merged_over(job) == job


@settings(max_examples=40)
@given(whole_definitions())
def test_a_whole_definition_sent_as_an_update_replaces_all_of_it(job: JobDefinition) -> None:
    """So a field that an update does not know, or bounds otherwise, is found here."""
    base = JobDefinition.model_validate(BASE)
    assert JobUpdate.model_validate(job.model_dump(mode="json")).merged_over(base) == job
