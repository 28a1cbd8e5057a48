"""Every JSON example on the protocol page is what the code reads and writes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tocsin_shared import protocol, task_types

PAGE = (Path(__file__).parents[3] / "docs/agent-protocol.md").read_text()
EXAMPLES = re.findall(r"^```json(?: (\w+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
#: Keys of the simple protocol that are accepted and not needed.
TOLERATED = {"HeartbeatRequest": {"agent_id", "running_executions"}}


@pytest.mark.parametrize(("model", "text"), EXAMPLES, ids=[f"{n}-{m}" for n, (m, _) in enumerate(EXAMPLES)])
def test_an_example_is_read_without_losing_anything(model: str, text: str) -> None:
    example: dict[str, Any] = json.loads(text)
    kind: type[BaseModel] = getattr(task_types if model == "TaskTypes" else protocol, model)
    known = {key: value for key, value in example.items() if key not in TOLERATED.get(model, ())}
    assert kind.model_validate(example).model_dump(mode="json", exclude_unset=True) == known


def test_limits_are_those_of_the_code() -> None:
    assert f"at most {protocol.MAX_SLOTS_PER_POLL}" in PAGE
    assert f"at most {protocol.MAX_EVENTS_PER_UPLOAD:,} events" in PAGE
    assert f"{protocol.MAX_UPLOAD_BYTES // 1024**2} MiB" in PAGE
    assert f"at most {protocol.MAX_CHUNK_BYTES // 1024} KiB" in PAGE
    assert f"at most {protocol.MAX_POLL_WAIT_SECS:.0f}" in PAGE


def test_every_receipt_is_explained() -> None:
    for receipt in protocol.Receipt:
        assert f"\n| `{receipt}` |" in PAGE
