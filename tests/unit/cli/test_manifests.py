"""Job documents in YAML and JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_cli.manifests import ManifestError, read_document, read_documents, write_document


def test_yaml_means_what_people_think() -> None:
    text = "on: yes\nat: 12:30\nday: 2026-03-01T08:00:00Z\nn: 5\nhalf: 0.5\nis: true\nnothing:\ntag: no\n"
    assert read_document(text, "x") == {
        "on": "yes",
        "at": "12:30",
        "day": "2026-03-01T08:00:00Z",
        "n": 5,
        "half": 0.5,
        "is": True,
        "nothing": None,
        "tag": "no",
    }


def test_json_is_understood() -> None:
    assert read_document('{"name": "a", "retry_backoff": 1.5, "target": null}', "x") == {
        "name": "a",
        "retry_backoff": 1.5,
        "target": None,
    }


def test_several_documents_and_lists_are_read_in_order() -> None:
    text = "name: a\n---\n- name: b\n- name: c\n---\n---\n{name: d}\n"
    assert [one["name"] for one in read_documents(text, "x")] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: [", "line 1"),
        ("name: a\nname: b\n", "given twice"),
        ("just words", "a job is written as"),
        ("name: a\n---\n5\n", r"document 2"),
        ("", "no job in there"),
        ("1: a", "put it in quotes"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    ],
)
def test_what_is_no_job_is_refused_with_the_place(text: str, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason) as caught:
        read_documents(text, "jobs.yaml")
    assert str(caught.value).startswith("jobs.yaml")


def test_scripts_are_written_as_blocks() -> None:
    assert write_document({"command": "set -e\nmake\n"}) == "command: |\n  set -e\n  make\n"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_what_is_written_is_read_back(document: dict[str, object]) -> None:
    assert read_document(write_document(document), "x") == document
