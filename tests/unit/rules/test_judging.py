"""What output rules find in what a job printed."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.rules.judging import LONGEST_VALUE_BYTES, Verdict, judge
from tocsin_shared.output_rules import OutputRules


def rules(**parts: Any) -> OutputRules:
    return OutputRules.model_validate(parts)


def extracted(stdout: str | bytes, *extractions: dict[str, Any]) -> dict[str, str]:
    raw = stdout.encode() if isinstance(stdout, str) else stdout
    return judge(rules(extractions=list(extractions)), raw, b"", is_success=True).extracted


def regex(pattern: str) -> dict[str, Any]:
    return {"name": "x", "pattern": pattern, "type": "regex"}


def path(pattern: str) -> dict[str, Any]:
    return {"name": "x", "pattern": pattern, "type": "jsonpath"}


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (r"took \d+ms", "took 12ms"),
        (r"took (\d+)(ms)", "12"),
        (r"took (\d+)(?P<unit>ms)", "ms"),
        (r"(?P<none>never)|took (?P<n>\d+)", "12"),
        (r"(never)|took", "took"),
        (r"nowhere", None),
        (r"é+", "éé"),
    ],
)
def test_the_value_is_the_named_group_else_the_first_else_the_whole(pattern: str, value: str | None) -> None:
    assert extracted("it took 12ms, éé", regex(pattern)).get("x") == value


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("$.a.b", "text"),
        ("$.a.n", "12"),
        ("$.a.yes", "true"),
        ("$.a.none", None),
        ("$.a.list", '[1,"é"]'),
        ("$.a.list[1]", "é"),
        ("$..n", "12"),
        ("$.a.list[*]", '[1,"é"]'),
        ("$.a.no", None),
    ],
)
def test_a_path_gives_text_raw_nothing_for_null_and_json_for_the_rest(query: str, value: str | None) -> None:
    document = {"a": {"b": "text", "n": 12, "yes": True, "none": None, "list": [1, "é"]}}
    assert extracted(json.dumps(document), path(query)).get("x") == value


def test_a_path_on_output_that_is_not_json_is_told_for_successes_only() -> None:
    ours = rules(extractions=[path("$.a")])
    assert judge(ours, b"Traceback", b"", is_success=False) == Verdict({})
    assert judge(ours, b"{} {}", b"", is_success=True).problems == (("x", "stdout is not one JSON document"),)


def test_assertions_are_about_the_stdout_of_successes() -> None:
    ours = rules(assertions=[{"pattern": "OK", "message": "not OK"}, {"pattern": r"\d+ rows"}])
    assert judge(ours, b"OK 3 rows", b"", is_success=True).failed == ()
    assert judge(ours, b"3 files", b"OK", is_success=True).failed == (
        "not OK",
        r"the output does not have '\d+ rows'",
    )
    assert judge(ours, b"", b"", is_success=False).failed == ()


def test_triggers_look_at_both_streams() -> None:
    ours = rules(triggers=[{"pattern": "ERROR|FATAL"}, {"pattern": "WARN"}, {"pattern": "never"}])
    assert judge(ours, b"WARN", b"x FATAL y", is_success=False).matched == (0, 1)


def test_a_value_that_is_too_long_is_not_taken_and_that_is_told() -> None:
    verdict = judge(rules(extractions=[regex("a+")]), b"a" * (LONGEST_VALUE_BYTES + 1), b"", is_success=True)
    assert verdict.extracted == {}
    assert verdict.problems[0][0] == "x"
    assert extracted(b"a" * LONGEST_VALUE_BYTES, regex("a+"))["x"] == "a" * LONGEST_VALUE_BYTES


@given(st.binary(max_size=300))
def test_any_bytes_become_text_that_the_database_can_hold(raw: bytes) -> None:
    value = extracted(raw, regex(r"(?s).*")).get("x", "")
    assert "\x00" not in value
    value.encode()


@given(
    st.text("ab1 \n", max_size=40),
    st.sampled_from(["a+", "(a)(b)", "a(b*)", "(?m)^a.*$", "[^a]+", "(?i)B", "a|b|", r"\d(a)?"]),
)
def test_the_first_match_is_the_one_that_python_finds(text: str, pattern: str) -> None:
    match = re.search(pattern, text)
    value = extracted(text, regex(pattern)).get("x")
    if match is None:
        assert value is None
    else:
        group = match.group(1) if match.re.groups and match.group(1) is not None else match.group(0)
        assert value == group


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from("abc"), JSON, max_size=3),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
)
def test_a_plain_path_walks_the_document(document: dict[str, Any], keys: list[str]) -> None:
    node: Any = document
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    value = extracted(json.dumps(document), path("$." + ".".join(keys))).get("x")
    if node is None or isinstance(node, str):
        assert value == node
    else:
        assert value is not None
        assert json.loads(value) == node


@pytest.mark.parametrize(
    "pattern",
    [
        r"(x+x+)+y",
        r"(a|aa)+$",
        r"(a*)*b",
        r"([a-z]+)*\d",
        r"(.*)(.*)(.*)(.*)[^a]",
        r"(?:a?){300}a{300}b",
        r"^(a+)+$",
    ],
)
def test_no_pattern_takes_more_than_linear_time(pattern: str) -> None:
    """With an engine that goes back and tries again, 200,000 characters would take longer than the universe has."""
    text = b"a" * 200_000
    ours = rules(
        extractions=[regex(pattern)], assertions=[{"pattern": pattern}], triggers=[{"pattern": pattern}]
    )
    verdict = judge(ours, text, text, is_success=True)
    assert (0 in verdict.matched) == (not verdict.failed)
