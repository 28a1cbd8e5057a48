"""The API's reference as one page that needs nothing from elsewhere, made from the OpenAPI document."""

import json
import re
import shlex
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from tocsin_controller.api.page_assets import SCRIPT, STYLE

Json = dict[str, Any]

_REF_START: Final = "#/components/schemas/"
_IDS: Final = {"job": "nightly%20backup", "stream": "stdout", "id": "$ID"}


def reference(document: Json) -> str:
    """Every route with what goes in and what comes out, and every schema."""
    by_tag = _by_tag(document)
    schemas = document["components"]["schemas"]
    about = "".join(f"<p>{_prose(part)}</p>" for part in _sentences(document["info"]["description"]))
    sections = "".join(_section(tag, routes) for tag, routes in by_tag)
    shown_schemas = "".join(_schema(name, schema) for name, schema in schemas.items())
    body = (
        f"<div class=layout><nav><input id=find type=search placeholder='Search ( / )' aria-label=Search>"
        f"{_menu(by_tag)}</nav><main><h1>Tocsin API</h1><p class=dim>Version "
        f"{escape(document['info']['version'])}. For programs: <a href=/api/openapi.json>openapi.json</a>.</p>"
        f"{about}{sections}<section data-part><h2 id=schemas>schemas</h2>"
        f"<p class=dim>What bodies and answers are made of.</p>{shown_schemas}</section></main></div>"
        f"<script>{SCRIPT}</script>"
    )
    return _page("Tocsin API", body)


def landing(version: str) -> str:
    """What a browser finds at `/`."""
    return _page(
        "Tocsin",
        f"<main class=plain><h1>Tocsin</h1><p>This is a Tocsin controller, version {escape(version)}.</p>"
        "<p><a href=/api/docs>API reference</a> · <a href=/api/health>health</a></p>"
        "<p class=dim>On the command line: <code>tocsin jobs ls</code></p></main>",
    )


def _by_tag(document: Json) -> list[tuple[Json, list[tuple[str, str, Json]]]]:
    """Sections in the document's order, each with its (method, path, operation)."""
    routes = [
        (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return [(tag, [r for r in routes if r[2]["tags"][0] == tag["name"]]) for tag in document["tags"]]


def _menu(by_tag: list[tuple[Json, list[tuple[str, str, Json]]]]) -> str:
    parts = []
    for tag, routes in by_tag:
        links = "".join(
            f'<a href="#{operation["operationId"]}" data-find="{_words(method, path, operation)}" '
            f'title="{escape(operation["summary"])}">{_method(method)}{escape(path.removeprefix("/api"))}</a>'
            for method, path, operation in routes
        )
        parts.append(f"<div data-part><h3>{escape(tag['name'])}</h3>{links}</div>")
    return "".join(parts) + "<h3><a href='#schemas'>schemas</a></h3>"


def _section(tag: Json, routes: list[tuple[str, str, Json]]) -> str:
    name = escape(tag["name"])
    shown = "".join(_route(method, path, operation) for method, path, operation in routes)
    return (
        f'<section data-part><h2 id="{name}">{name}</h2><p class=dim>{_prose(tag["description"])}</p>'
        f"{shown}</section>"
    )


def _route(method: str, path: str, operation: Json) -> str:
    parts = [f"<p class=dim>{_prose(operation['description'])}</p>"]
    if operation["parameters"]:
        parts.append(_parameters(operation["parameters"]))
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content:
        is_optional = "" if operation["requestBody"]["required"] else " (may be absent)"
        parts.append(f"<h4>Body</h4><p>{_type(content['schema'])}{is_optional}</p>")
    parts.append(f"<h4>Example</h4><pre>{escape(_curl(method, path, operation))}</pre>")
    parts.append(_answers(operation["responses"]))
    return (
        f'<details id="{operation["operationId"]}" data-find="{_words(method, path, operation)}"><summary>'
        f"{_method(method)}<code>{escape(path)}</code> <span class=dim>{_prose(operation['summary'])}</span>"
        f"</summary>{''.join(parts)}</details>"
    )


def _parameters(parameters: list[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{_type(p['schema'])}{_default(p['schema'])}</td>"
        f"<td>{_prose(p.get('description') or p['schema'].get('description', ''))}</td></tr>"
        for p in parameters
    )
    return f"<table><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr>{rows}</table>"


def _answers(responses: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{status}</code></td><td>{_prose(answer['description'])}</td><td>"
        f"{''.join(_media(kind, content) for kind, content in answer.get('content', {}).items())}</td></tr>"
        for status, answer in responses.items()
    )
    return f"<h4>Answers</h4><table>{rows}</table>"


def _media(kind: str, content: Json) -> str:
    return _type(content["schema"]) if kind == "application/json" else f"<code>{escape(kind)}</code>"


def _schema(name: str, schema: Json) -> str:
    about = f"<p class=dim>{_prose(schema['description'])}</p>" if "description" in schema else ""
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in required else ' <span class=dim>optional</span>'}</td>"
        f"<td>{_type(one)}{_default(one)}</td><td>{_prose(one.get('description', ''))}</td></tr>"
        for field, one in properties.items()
    )
    shown = (
        f"<table><tr><th>key</th><th>type</th><th></th></tr>{rows}</table>"
        if rows
        else f"<p>{_type(schema)}</p>"
    )
    return (
        f'<details id="schema-{escape(name)}" data-find="{escape((name + " " + " ".join(properties)).lower())}">'
        f"<summary><code>{escape(name)}</code></summary>{about}{shown}</details>"
    )


def _type(schema: Json) -> str:
    """A schema in a few words, with links."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF_START)
        return f'<a href="#schema-{escape(name)}"><code>{escape(name)}</code></a>'
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[key]))
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"object of {_type(schema['additionalProperties'])}"
        case str() as word:
            return escape(schema.get("format", word)) + _bounds(schema)
        case _:
            return "anything"


def _bounds(schema: Json) -> str:
    said = list(_said_bounds(schema))
    return f" <span class=dim>{escape(', '.join(said))}</span>" if said else ""


def _said_bounds(schema: Json) -> Iterator[str]:
    for key, sign in (
        ("minimum", "≥"),
        ("maximum", "≤"),
        ("exclusiveMinimum", ">"),
        ("exclusiveMaximum", "<"),
    ):
        if key in schema:
            yield f"{sign} {schema[key]:,}"
    if "maxLength" in schema:
        yield f"at most {schema['maxLength']:,} characters"
    if "maxItems" in schema:
        yield f"at most {schema['maxItems']:,}"


def _default(schema: Json) -> str:
    if "default" not in schema or schema["default"] is None:
        return ""
    return f" <span class=dim>default</span> <code>{escape(json.dumps(schema['default']))}</code>"


def _curl(method: str, path: str, operation: Json) -> str:
    for name, value in _IDS.items():
        path = path.replace("{" + name + "}", value)
    lines = ["curl" + ("" if method == "GET" else f" -X {method}") + f' "$TOCSIN_URL{path}"']
    if operation.get("security") != []:
        lines.append('-H "Authorization: Bearer $TOCSIN_KEY"')
    example = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    if example is not None:
        lines.append("-d " + shlex.quote(json.dumps(example, indent=2, ensure_ascii=False)))
    return " \\\n  ".join(lines)


def _method(method: str) -> str:
    return f'<span class="m {method.lower()}">{method}</span>'


def _words(method: str, path: str, operation: Json) -> str:
    return escape(f"{method} {path} {operation['summary']} {operation['tags'][0]}".lower())


def _sentences(text: str) -> list[str]:
    """The description as two paragraphs: how to call, and what to expect."""
    words = " ".join(text.split())
    head, dot, rest = words.partition("answers are in UTC. ")
    return [head + dot.rstrip(), rest] if rest else [words]


def _prose(text: str) -> str:
    """Text in which `code` stands between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _page(title: str, body: str) -> str:
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>{body}</body></html>"
    )
