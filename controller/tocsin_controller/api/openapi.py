"""The OpenAPI 3.1 document, from the same declarations that dispatch and validate requests."""

import re
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from tocsin_controller.api.examples import EXAMPLES
from tocsin_controller.api.field_docs import describe_fields
from tocsin_controller.api.table import Route
from tocsin_controller.security.roles import Role
from tocsin_shared.views.errors import ErrorView

_REF: Final = "#/components/schemas/{model}"
_ERROR_REF: Final = _REF.format(model="ErrorView")

_ABOUT: Final = """\
Send your key as `Authorization: Bearer <key>`. Bodies are JSON, whatever their Content-Type says. Instants are
RFC 3339 and carry an offset; answers are in UTC. Every answer has an `X-Request-Id`, which the controller's log has
too; send your own to choose it. Lists are pages: `next` goes into `after`. Requests with a key are counted per key:
`X-RateLimit-Limit`, `X-RateLimit-Remaining`, and `Retry-After` with 429. While the database is away every route
but `/api/health` answers 503 with `Retry-After`."""

_TAGS: Final = {
    "jobs": "What is to be done, when and where.",
    "templates": "What new jobs start from.",
    "pipelines": "Jobs that wait for each other, and what ties their runs together.",
    "runs": "Occurrences of jobs: one per due instant, or per trigger.",
    "executions": "Attempts of runs on agents, and what they printed.",
    "webhooks": "Addresses that run a job without a key, for other systems to call.",
    "agents": "The hosts.",
    "events": "What happened.",
    "schedules": "When would it be due?",
    "calendars": "Days off and blackout windows that jobs share.",
    "variables": "Named values, secrets among them, that tasks use.",
    "connections": "How to reach other people's servers, kept apart from the jobs that use them.",
    "scripts": "Starlark and Dockerfiles that tasks run by name.",
    "tasks": "What helps to write tasks.",
    "keys": "Who may do what.",
    "audit": "Who changed what.",
    "settings": "What holds for the whole fleet.",
    "statistics": "Counts over history, for charts.",
    "data": "Everything out, in again, and away.",
    "system": "The controller itself.",
    "agent protocol": "What agents call; docs/agent-protocol.md tells the whole story.",
}


def document(routes: list[Route]) -> dict[str, Any]:
    """The whole document."""
    adapters: dict[Any, TypeAdapter[Any]] = {ErrorView: TypeAdapter(ErrorView)}
    for route in routes:
        for model in (route.body, route.response):
            if model is not None:
                adapters.setdefault(_key(model), TypeAdapter(model))
    inputs: list[Any] = [(key, "validation", adapter) for key, adapter in adapters.items()]
    schemas, shared = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    found = {key: schema for (key, _), schema in schemas.items()}
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, found)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin", "version": version("tocsin-controller"), "description": _ABOUT},
        "security": [{"key": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
            "schemas": describe_fields(dict(sorted(shared.get("$defs", {}).items()))),
        },
    }


def _key(model: Any) -> Any:
    """Generic aliases are equal but not the same."""
    return model if isinstance(model, type) and issubclass(model, BaseModel) else str(model)


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    words = re.sub(r"[^a-z0-9]+", "_", route.path.lower().removeprefix("/api/")).strip("_") or "index"
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}_{words}",
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, schemas),
    }
    if route.roles is None:
        operation["security"] = []
        operation["description"] = "No key needed."
    else:
        roles = [role.value for role in Role if role in route.roles]
        operation["description"] = f"Roles: {', '.join(roles)}."
        operation["x-roles"] = roles
    if route.body is not None:
        content: dict[str, Any] = {"schema": schemas[_key(route.body)]}
        if example := EXAMPLES.get((route.method, route.path)):
            content["example"] = example
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {"application/json": content},
        }
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", **_path_format(name)}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _path_format(name: str) -> dict[str, Any]:
    match name:
        case "stream":
            return {"enum": ["stdout", "stderr"]}
        case "job":
            return {"description": "Id or exact name."}
        case _:
            return {}


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    definitions = schema.get("$defs", {})
    parameters = []
    for name, field in schema.get("properties", {}).items():
        inlined = _inline(field, definitions)
        parameter = {"name": name, "in": "query", "required": False, "schema": inlined}
        if description := inlined.pop("description", None):
            parameter["description"] = description
        parameters.append(parameter)
    return parameters


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    heeded: list[dict[str, Any]] = [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    ]
    if not route.is_repeatable:
        return heeded
    return [
        *heeded,
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same request with the same key is done once and answered alike, for a day.",
            "schema": {"type": "string", "maxLength": 255},
        },
    ]


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """Query schemas are small: what they refer to is written out."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            rest = {k: v for k, v in schema.items() if k != "$ref"}
            return {**_inline(definitions[schema["$ref"].rpartition("/")[2]], definitions), **rest}
        return {k: _inline(v, definitions) for k, v in schema.items() if k != "title"}
    if isinstance(schema, list):
        return [_inline(one, definitions) for one in schema]
    return schema


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done"}
    if route.status != 204:
        schema = schemas[_key(route.response)] if route.response is not None else {"type": "string"}
        answer["content"] = {route.media_type: {"schema": schema}}
    responses = {str(route.status): answer}
    responses |= {str(status): {"description": text} for status, text in route.also.items()}
    error = {"application/json": {"schema": {"$ref": _ERROR_REF}}}
    for status, text in sorted(_errors(route).items()):
        responses[status] = {"description": text, "content": error}
        if status in ("429", "503"):
            seconds = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
            responses[status]["headers"] = {"Retry-After": seconds}
    return responses


def _errors(route: Route) -> dict[str, str]:
    """What may go wrong, by status."""
    errors: dict[str, str] = {}
    if route.is_limited:
        errors["429"] = "Too many requests"
    if route.roles is not None or route.is_repeatable or route.path == "/api/health/ready":
        errors["503"] = "The database is away"
    if route.body is not None or route.query is not None or route.is_repeatable:
        errors["400"] = "Does not fit; `details` names the fields"
    if route.roles is not None:
        errors |= {"401": "No valid key", "403": "The key's role may not"}
    if "{" in route.path:
        errors["404"] = "No such thing"
    if route.method in ("POST", "PUT", "DELETE"):
        errors["409"] = "Does not go with the current state"
    if "If-Match" in route.headers:
        errors["412"] = "If-Match names another state than the present one"
    if route.body is not None:
        errors["413"] = "Too large"
    return errors
