"""Dkron's own description of its API holds for ours, but for what a table says."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import given, settings, strategies
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from tests.compat.conftest import ADMIN, Controller, a_controller

from tocsin_controller.store.database import Database

HERE = Path(__file__).parent
#: Of each operation, once with what the file allows and once with what it does not.
EXAMPLES = int(os.environ.get("TOCSIN_TEST_EXAMPLES", "5"))
KNOWN = ("parent", "child")


def document(mode: GenerationMode) -> dict[str, Any]:
    """The file with its deviations; for mistakes without queries and keys, in which nothing is one."""
    said = yaml.safe_load((HERE / "dkron-openapi.yaml").read_text())
    for deviation in yaml.safe_load((HERE / "dkron-deviations.yaml").read_text()):
        merge(said, deviation.get("change", {}))
        for path in said["paths"].values():
            for operation in path.values():
                merge(operation, deviation.get("everywhere", {}))
        for path, operations in deviation.get("query", {}).items():
            for method, names in operations.items():
                for parameter in said["paths"][path][method]["parameters"]:
                    if parameter["name"] in names:
                        parameter["schema"] = {"type": "string"}
    if mode is GenerationMode.NEGATIVE:
        said["security"] = []
        for path in said["paths"].values():
            for operation in path.values():
                parameters = operation.get("parameters", [])
                operation["parameters"] = [one for one in parameters if one["in"] != "query"]
    return dict(said)


def merge(into: dict[str, Any], change: dict[str, Any]) -> None:
    """As RFC 7396 has it: null takes away."""
    for key, value in change.items():
        if value is None:
            into.pop(key)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def check(operation: Any, mode: GenerationMode, url: str) -> None:
    """Examples of one operation, each answered as the document says."""
    http = requests.Session()
    cases = operation.as_strategy(generation_mode=mode)

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(case=cases, known=strategies.sampled_from([None, *KNOWN]))
    def answers_as_it_says(case: Any, known: str | None) -> None:
        if mode is GenerationMode.POSITIVE and known and "job_name" in case.path_parameters:
            case.path_parameters["job_name"] = known
        case.call_and_validate(base_url=url, session=http, headers={"X-Dkron-Token": ADMIN}, timeout=30)

    answers_as_it_says()


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
async def test_dkrons_document_holds(database: Database, database_url: str, tmp_path: Path) -> None:
    more = {"state_dir": str(tmp_path), "rate_limit_enabled": False}
    wrong: list[str] = []
    async with a_controller(database, database_url=database_url, **more) as controller:
        for mode in GenerationMode:
            schema = schemathesis.openapi.from_dict(document(mode))
            for found in schema.get_all_operations():
                assert isinstance(found, Ok), found
                operation = found.ok()
                is_json = any(body.media_type == "application/json" for body in operation.body)
                if mode is GenerationMode.NEGATIVE and not is_json:
                    continue  # nothing that is sent there is wrong for sure
                await save_known(controller)
                try:
                    await asyncio.to_thread(check, operation, mode, f"{controller.url}/v1")
                except BaseExceptionGroup as group:
                    wrong.append(f"{operation.label} ({mode.value}): {group}")
    assert not wrong, "\n\n".join(wrong)


async def save_known(controller: Controller) -> None:
    """Two jobs that what is asked can be about, whatever was done before."""
    await controller.call("POST", "/v1/unpause")
    job = {"executor": "shell", "executor_config": {"command": "true"}, "tags": {"server": "true"}}
    for name, parent in (("parent", ""), ("child", "parent")):
        sent = job | {"name": name, "parent_job": parent, "schedule": "@manually"}
        await controller.call("POST", "/v1/jobs", sent)
