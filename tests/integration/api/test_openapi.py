"""The description of the API: complete, valid, true."""

import json
import re
from typing import Any

import pytest
from tests.integration.api.conftest import Api, Served

from tocsin_controller.api.app import ROUTES
from tocsin_controller.api.examples import EXAMPLES


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    return dict(await api.as_role(None).get("/api/openapi.json"))


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m.upper(), path, op) for path, methods in document["paths"].items() for m, op in methods.items()]


async def test_every_route_is_described(served: Served, document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    described = {(method, path) for method, path, _ in operations(document)}
    assert described == {(route.method, route.path) for route in served.app[ROUTES]}
    ids = [op["operationId"] for _, _, op in operations(document)]
    assert len(ids) == len(set(ids))


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(document)))
    assert names == names & document["components"]["schemas"].keys()
    assert "ErrorView" in names
    assert "JobCreate" in names


async def test_what_a_route_answers_has_a_schema(document: dict[str, Any]) -> None:
    lacking = []
    for method, path, op in operations(document):
        for status, answer in op["responses"].items():
            for media_type, content in answer.get("content", {}).items():
                if media_type == "application/json" and not content["schema"]:
                    lacking.append((method, path, status))
    assert lacking == []


async def test_keys_and_errors_are_described(document: dict[str, Any]) -> None:
    for method, path, op in operations(document):
        is_public = op.get("security") == []
        assert is_public or {"401", "403", "429", "503"} <= op["responses"].keys(), (method, path)
        assert is_public == ("x-roles" not in op)


async def test_every_body_has_an_example_that_fits(served: Served) -> None:
    for route in served.app[ROUTES]:
        if route.body is not None:
            assert (route.method, route.path) in EXAMPLES, route.path
            route.body.model_validate(EXAMPLES[route.method, route.path])


async def test_fields_are_described_from_the_comments_in_the_models(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["JobCreate"]["properties"]["retry_max"]["description"].startswith("Further attempts")
    assert schemas["JobView"]["properties"]["version"]["description"].startswith("Grows by one")


async def test_the_page_shows_every_route(api: Api, document: dict[str, Any]) -> None:
    page = (await api.as_role(None).call("GET", "/api/docs")).body.decode()
    for _, path, op in operations(document):
        assert f"<code>{path}</code>" in page
        assert op["summary"] in page.replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&")
