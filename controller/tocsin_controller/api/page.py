"""The API's reference as a page: no script, nothing loaded from elsewhere."""

import json
from html import escape
from typing import Any

CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def csp() -> str:
    return CSP


_STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#888}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:2rem 1rem}
h1{margin:0}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line);text-transform:capitalize}
details{border:1px solid var(--line);border-radius:.4rem;margin:.4rem 0;padding:.4rem .7rem}
summary{cursor:pointer}code,pre{font:13px/1.5 ui-monospace,monospace}
pre{overflow:auto;border:1px solid var(--line);padding:.6rem;border-radius:.4rem}
b.m{display:inline-block;min-width:4.2rem}.dim{color:var(--dim)}nav a{margin-right:1rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left}
"""


def reference(document: dict[str, Any]) -> str:
    """Every route with what goes in and what comes out."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_route(method.upper(), path, operation))
    nav = "".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in by_tag)
    routes = "".join(
        f'<h2 id="{escape(tag)}">{escape(tag)}</h2>{"".join(rows)}' for tag, rows in by_tag.items()
    )
    schemas = "".join(
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<pre>{escape(json.dumps(schema, indent=2))}</pre></details>"
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    return _page(
        "Tocsin API",
        f"<h1>Tocsin API</h1><p class=dim>Version {escape(document['info']['version'])}. Send your key as "
        f"<code>Authorization: Bearer ...</code>. Machine-readable: <a href=/api/openapi.json>openapi.json</a></p>"
        f"<nav>{nav}<a href='#schemas'>schemas</a></nav>{routes}<h2 id=schemas>schemas</h2>{schemas}",
    )


def landing(version: str) -> str:
    """What a browser finds at `/`."""
    return _page(
        "Tocsin",
        f"<h1>Tocsin</h1><p>This is a Tocsin controller, version {escape(version)}.</p>"
        "<p><a href=/api/docs>API reference</a> · <a href=/api/health>health</a></p>"
        "<p class=dim>On the command line: <code>tocsin --url ... agents ls</code></p>",
    )


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<p>{escape(operation.get('description', 'No key needed.'))}</p>"]
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{escape(p['schema'].get('description', ''))}</td></tr>"
        for p in operation["parameters"]
    )
    if rows:
        parts.append(f"<table><tr><th>parameter</th><th>in</th><th></th></tr>{rows}</table>")
    body = operation.get("requestBody")
    if body:
        parts.append(f"<p>Body: {_schema_link(body['content']['application/json']['schema'])}</p>")
    for status, answer in operation["responses"].items():
        content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
        parts.append(
            f"<div><code>{status}</code> {escape(answer['description'])} {_schema_link(content.get('schema'))}</div>"
        )
    curl = f"curl -X {method} -H 'Authorization: Bearer $TOCSIN_KEY' $TOCSIN_URL{path}"
    if body:
        curl += " -d '{...}'"
    parts.append(f"<pre>{escape(curl)}</pre>")
    head = f"<b class=m>{method}</b> <code>{escape(path)}</code> <span class=dim>{escape(operation['summary'])}</span>"
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _schema_link(schema: dict[str, Any] | None) -> str:
    name = (schema or {}).get("$ref", "").rpartition("/")[2]
    return f'<a href="#schema-{escape(name)}"><code>{escape(name)}</code></a>' if name else ""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{body}</html>"
    )
