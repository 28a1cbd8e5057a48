"""Output rules that can't be saved, and why."""

from typing import Any

import pytest
from pydantic import ValidationError

from tocsin_controller.rules.checking import check_rules
from tocsin_shared.network import GUARDED, Reach
from tocsin_shared.output_rules import MAX_ASSERTIONS, MAX_EXTRACTIONS, MAX_TRIGGERS, OutputRules


def wrong(**parts: Any) -> list[tuple[str, str]]:
    return [(e.field, e.reason) for e in check_rules(OutputRules.model_validate(parts), GUARDED)]


def test_what_can_be_read_passes() -> None:
    assert not wrong(
        extractions=[
            {"name": "duration", "pattern": r"took (\d+)ms"},
            {
                "name": "count",
                "pattern": "$.results.count",
                "type": "jsonpath",
                "write_to_variable": "LAST_COUNT",
            },
        ],
        triggers=[{"pattern": "ERROR|FATAL", "severity": "error"}],
        assertions=[{"pattern": "OK", "message": "not OK"}],
        forward_url="https://sink.example.org/results",
    )


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(b", "missing ) at position 3"),
        ("ab[c", "missing ] at position 2"),
        ("ab(?=c)", "invalid perl operator at position 2"),
        (r"(a)\1", "invalid escape sequence at position 3"),
        ("x{2000}", "invalid repetition size at position 1"),
        ("*a", "no argument for repetition operator at position 0"),
        (r"(\pL{0,100}){9}", "pattern too large"),
        (".{900}", "too large a pattern"),
    ],
)
def test_a_pattern_that_can_not_be_used_says_why_and_where(pattern: str, reason: str) -> None:
    ((field, why),) = wrong(triggers=[{"pattern": "fine"}, {"pattern": pattern}])
    assert field == "output_rules.triggers.1.pattern"
    assert reason in why


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("$.a[", "at position 4"),
        ("a.b", "at position 0"),
        ("$.a ", "at position 3"),
        ("$.a[?match(@.b, '(a+)+')]", "match"),
        ("$.a[?@.b =~ /x/]", "position"),
    ],
)
def test_a_path_that_can_not_be_read_says_why_and_where(path: str, reason: str) -> None:
    ((field, why),) = wrong(extractions=[{"name": "x", "pattern": path, "type": "jsonpath"}])
    assert field == "output_rules.extractions.0.pattern"
    assert reason in why


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("http://127.0.0.1/x", True),
        ("http://2130706433/", True),
        ("http://0x7f.1/", True),
        ("http://[::1]:8080/", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://localhost:9000/", True),
        ("http://169.254.169.254/latest/meta-data", True),
        ("http://metadata.google.internal/", True),
        ("http://[fe80::1]/", True),
        ("http://0.0.0.0/", True),
        ("http://10.1.2.3/", False),
        ("https://example.org/", False),
    ],
)
def test_addresses_of_the_controller_itself_are_refused(url: str, is_refused: bool) -> None:
    assert bool(wrong(forward_url=url)) == is_refused


def test_an_operator_can_allow_addresses() -> None:
    rules = OutputRules(forward_url="http://127.0.0.1:9000/")
    reach = Reach("guarded", allow=("127.0.0.0/8",))
    assert not check_rules(rules, reach)
    assert check_rules(OutputRules(forward_url="http://[::1]/"), reach)


@pytest.mark.parametrize(
    "parts",
    [
        {"extractions": [{"name": f"n{n}", "pattern": "x"} for n in range(MAX_EXTRACTIONS + 1)]},
        {"triggers": [{"pattern": "x"}] * (MAX_TRIGGERS + 1)},
        {"assertions": [{"pattern": "x"}] * (MAX_ASSERTIONS + 1)},
        {"assertions": [{"pattern": "x" * 1025}]},
        {"assertions": [{"pattern": ""}]},
        {"triggers": [{"pattern": "x", "severity": "loud"}]},
        {"extractions": [{"name": "x", "pattern": "x"}] * 2},
        {"extractions": [{"name": "a-b", "pattern": "x", "target": "variable"}]},
        {"extractions": [{"name": "x", "pattern": "x", "target": "output", "write_to_variable": "X"}]},
        {"extractions": [{"name": "x", "pattern": "x", "write_to_variable": "a-b"}]},
        {"extractions": [{"name": "x", "pattern": "x", "type": "xpath"}]},
        {"forward_url": "ftp://example.org/"},
        {"forward_url": "https://user:pw@example.org/"},
        {"forward_url": "https:///x"},
        {"forward_url": "https://example.org:99999/"},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_limits_are_told_when_they_are_saved(parts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OutputRules.model_validate(parts)


def test_a_variable_gets_the_name_of_its_rule_unless_another_is_given() -> None:
    rules = OutputRules.model_validate(
        {
            "extractions": [
                {"name": "A", "pattern": "x", "target": "variable"},
                {"name": "b", "pattern": "x", "write_to_variable": "B"},
                {"name": "c", "pattern": "x"},
            ]
        }
    )
    assert [e.variable for e in rules.extractions] == ["A", "B", None]
    assert rules.model_dump(mode="json")["extractions"][2] == {"name": "c", "pattern": "x", "type": "regex"}
