"""The OpenAPI 3.1 document, from the same declarations that validate requests."""

import re
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tocsin_controller.api.table import Route
from tocsin_controller.security.roles import Role

ERROR_SCHEMA = {
    "type": "object",
    "required": ["error", "code", "details", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "One sentence for people."},
        "code": {"type": "string", "description": "For programs."},
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
        "request_id": {"type": "string"},
    },
}


def document(routes: list[Route]) -> dict[str, Any]:
    """The whole document."""
    models: set[tuple[type[BaseModel], Any]] = set()
    for route in routes:
        if route.body is not None:
            models.add((route.body, "validation"))
        if route.response is not None:
            models.add((route.response, "serialization"))
    ordered = sorted(models, key=lambda m: (m[0].__name__, m[1]))
    refs, definitions = models_json_schema(ordered, ref_template="#/components/schemas/{model}")
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin", "version": version("tocsin-controller")},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {**definitions.get("$defs", {}), "Error": ERROR_SCHEMA},
        },
    }


def _operation(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', route.path.lower()).strip('_')}",
        "tags": [route.tag],
        "parameters": _path_parameters(route) + _query_parameters(route),
        "responses": _responses(route, refs),
    }
    if route.roles is None:
        operation["security"] = []
    else:
        operation["description"] = "Roles: " + ", ".join(r.value for r in Role if r in route.roles) + "."
    if route.body is not None:
        schema = refs[route.body, "validation"]
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    return [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    definitions = schema.get("$defs", {})
    parameters = []
    for name, field in schema.get("properties", {}).items():
        parameters.append(
            {"name": name, "in": "query", "required": False, "schema": _inline(field, definitions)}
        )
    return parameters


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """Query schemas are small: what they refer to is written out."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {k: _inline(v, definitions) for k, v in schema.items()}
    if isinstance(schema, list):
        return [_inline(one, definitions) for one in schema]
    return schema


def _responses(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done"}
    if route.status != 204:
        schema = refs[route.response, "serialization"] if route.response is not None else {}
        answer["content"] = {route.media_type: {"schema": schema}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    codes = {"400": "Does not fit", "429": "Too many requests", "503": "The database is away"}
    if route.roles is not None:
        codes |= {"401": "No valid key", "403": "The role may not"}
    if "{" in route.path:
        codes["404"] = "No such thing"
    if route.method in ("POST", "PUT"):
        codes |= {"409": "Does not go with the current state", "413": "Too large"}
    responses = {str(route.status): answer}
    if route.method == "GET" and route.path.startswith("/api/agent-queue"):
        responses["204"] = {"description": "Nothing to do"}
    responses |= {code: {"description": text, "content": error} for code, text in sorted(codes.items())}
    return responses
