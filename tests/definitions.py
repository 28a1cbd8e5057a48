"""Job definitions of every shape, generated from the model itself: a new field is covered the day it is added."""

import functools
from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_shared.jobs import JobDefinition

#: What a schema can't say about a text.
TEXTS = {
    "url": st.sampled_from(["https://example.com/", "http://[::1]:8080/a?b=c#d"]),
    "forward_url": st.sampled_from(["https://example.com/", "http://[::1]:8080/a?b=c"]),
    "timezone": st.sampled_from(["Europe/Berlin", "UTC"]),
}
LETTERS = st.sampled_from("aZ09äß.-_: /\n\t'\"{}#|>&*!%@`,[]yesno~=")


def whole_definitions() -> st.SearchStrategy[JobDefinition]:
    """Any job that the model accepts."""
    return st.composite(_definition)()


def values_of(field: str) -> st.SearchStrategy[Any]:
    """What may be sent for one field; most of it is accepted."""
    schema = _schema()
    return _property(field, schema["properties"][field], schema.get("$defs", {}))


def accepted(document: dict[str, Any]) -> JobDefinition | None:
    """The definition, if the model takes it."""
    try:
        return JobDefinition.model_validate(document)
    except ValidationError:
        return None


def _definition(draw: st.DrawFn) -> JobDefinition:
    """Values that do not go together are left out again."""
    document: dict[str, Any] = {
        "name": draw(values_of("name")),
        "task": draw(values_of("task")),
        "schedule": draw(values_of("schedule")),
    }
    optional = [name for name, field in JobDefinition.model_fields.items() if not field.is_required()]
    for name in draw(st.lists(st.sampled_from(optional), unique=True, max_size=12)):
        document[name] = draw(values_of(name))
    while True:
        try:
            return JobDefinition.model_validate(document)
        except ValidationError as error:
            wrong = {str(e["loc"][0]) if e["loc"] else "" for e in error.errors()}
            document = {key: value for key, value in document.items() if key not in wrong}
            if "" in wrong:
                document = {key: document[key] for key in ("name", "task", "schedule") if key in document}
            stand_in = {"name": "j", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}}
            document = {**stand_in, **document}


@functools.cache
def _schema() -> dict[str, Any]:
    return JobDefinition.model_json_schema()


def _property(name: str, schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if name in TEXTS:
        return TEXTS[name]
    return _values(schema, definitions)


def _values(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return st.deferred(lambda: _values(definitions[name], definitions))
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of([_values(one, definitions) for one in schema[key]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            return _objects(schema, definitions)
        case "array":
            most = min(schema.get("maxItems", 3), 3)
            return st.lists(
                _values(schema.get("items", {}), definitions),
                min_size=schema.get("minItems", 0),
                max_size=most,
            )
        case "string":
            return _texts(schema)
        case "integer":
            return st.integers(*_bounds(schema))
        case "number":
            low, high = _bounds(schema)
            return st.floats(low, high, allow_nan=False) | st.integers(low, high)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return st.none() | st.booleans() | st.integers(-3, 3) | st.text(LETTERS, max_size=5)


def _bounds(schema: dict[str, Any]) -> tuple[int, int]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1000))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 10_000))
    return int(-(-low // 1)), int(high)


def _objects(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" not in schema:
        inner = schema.get("additionalProperties")
        values = _values(inner if isinstance(inner, dict) else {}, definitions)
        return st.dictionaries(st.sampled_from(["A", "b_1", "X-Y", "a.b"]), values, max_size=3)
    fields = {n: _property(n, one, definitions) for n, one in schema["properties"].items()}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: one for name, one in fields.items() if name in required},
        optional={name: one for name, one in fields.items() if name not in required},
    )


def _texts(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "examples" in schema:
        return st.sampled_from(schema["examples"])
    match schema.get("format"):
        case "uuid":
            return st.uuids().map(str)
        case "date-time":
            return st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    if pattern := schema.get("pattern"):
        most = min(schema.get("maxLength", 20), 20)
        return st.from_regex(pattern, fullmatch=True).map(lambda text: text.rstrip("\n")[:most])
    return st.text(
        LETTERS, min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 20)
    )
