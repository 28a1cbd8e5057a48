"""One execution as people see it."""

from typing import Any

from tocsin_cli.output.executions import MOST_VALUE_CHARS, execution_fields

ONE: dict[str, Any] = {"id": "e", "run_id": "r", "job_id": "j", "job_name": "a", "status": "succeeded"}


def test_values_that_output_rules_took_are_shown_but_not_all_of_a_long_one() -> None:
    taken = {"rows": "99", "page": "x" * 5_000}
    shown = dict(execution_fields({**ONE, "extracted": taken}))
    assert shown["Value of rows"] == "99"
    assert shown["Value of page"] == "x" * MOST_VALUE_CHARS + "…"
    assert not [name for name, _ in execution_fields({**ONE, "extracted": None}) if name.startswith("Value")]
