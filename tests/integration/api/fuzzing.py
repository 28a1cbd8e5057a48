"""Makes requests out of the description of the API: some fit, some nearly fit, some are nonsense.

Seeded, so that a failure can be had again. Not hypothesis: requests are sent from inside a running event loop, whose
services use `random` themselves.
"""

import json
import random
import re
from dataclasses import dataclass
from typing import Any

#: Every second value fits its schema when the rest of the request does; else hardly any request would get far.
ODD = 0.06

WORDS = [
    "", "a", "job", "0 * * * * *", "@daily", "* * * * * *", "http://127.0.0.1:9/", "Europe/Berlin", "on_demand",
    "é" * 40, "x" * 300, "%_\\", "' OR 1=1 --", "../../etc/passwd", "\r\nX: y", "\u202e", "0", "-1", "null", "NaN",
]  # fmt: skip
NUMBERS = [
    0,
    1,
    -1,
    60,
    100,
    2**31 - 1,
    2**31,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    2**70,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
]
INSTANTS = [
    "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00+14:00", "2026-01-01", "2026-13-01T00:00:00Z", "now", "1700000000",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes | None
    headers: dict[str, str]
    as_agent: bool


class Fuzzer:
    """An endless source of requests."""

    def __init__(self, document: dict[str, Any], seed: int, known: dict[str, str]) -> None:
        """`known` has an id of something that exists for each first part of a path: `jobs`, `runs`, ..."""
        self._random = random.Random(seed)  # noqa: S311  not a secret
        self._schemas = document["components"]["schemas"]
        self._known = known
        self._ids = [*known.values(), "nope"]
        self._operations = [
            (method.upper(), path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if not path.endswith("/stream") and path != "/api/keys/{id}"
        ]

    def attempt(self) -> Attempt:
        """The next request."""
        pick = self._random
        method, path, operation = pick.choice(self._operations)
        if method == "DELETE" and pick.random() < 0.9:
            method, path, operation = pick.choice(self._operations)
        kind = path.split("/")[2] if path.count("/") > 1 else ""
        right = self._known.get(kind, "nope")
        path = path.replace("{stream}", pick.choice(["stdout", "stderr", "stdin"]))
        path = re.sub(r"{\w+}", lambda _: right if pick.random() < 0.8 else pick.choice(self._ids), path)
        query = {
            p["name"]: str(self.value(p["schema"])).encode("utf-8", "replace").decode()
            for p in operation["parameters"]
            if p["in"] == "query" and pick.random() < 0.4
        }
        if "wait" in query:
            query["wait"] = "0"
        body = None
        if "requestBody" in operation and pick.random() < 0.95:
            sent = self.value(operation["requestBody"]["content"]["application/json"]["schema"])
            if isinstance(sent, dict) and "wait_secs" in sent:
                sent["wait_secs"] = 0
            body = json.dumps(sent).encode()
            if pick.random() < ODD:
                body = body[: pick.randrange(len(body) + 1)]
        headers = {"Idempotency-Key": pick.choice(["k1", "k2", "k3"])} if pick.random() < 0.2 else {}
        as_agent = operation.get("x-roles") == ["admin", "agent"]
        return Attempt(method, path, query, body, headers, as_agent)

    def value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """A value that mostly fits."""
        if self._random.random() < ODD or depth > 8:
            return self.nonsense()
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self.value(self._random.choice(schema[key]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        return self._plain(schema, depth)

    def nonsense(self, depth: int = 0) -> Any:
        """Any JSON, and some that is hardly that."""
        match self._random.randrange(8 if depth < 4 else 5):
            case 0:
                return self._random.choice([None, True, False])
            case 1 | 2:
                return self._random.choice(NUMBERS)
            case 3:
                return self._random.choice([*WORDS, "\x00", "\ud800", "9" * 400, *INSTANTS])
            case 4:
                return self._random.choice([[], {}])
            case 5 | 6:
                return [self.nonsense(depth + 1) for _ in range(self._random.randrange(3))]
            case _:
                return {self._random.choice(WORDS): self.nonsense(depth + 1) for _ in range(3)}

    def _plain(self, schema: dict[str, Any], depth: int) -> Any:
        pick = self._random
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                return [self.value(schema.get("items", {}), depth + 1) for _ in range(pick.randrange(3))]
            case "string":
                return self._text(schema)
            case "integer" | "number":
                low, high = schema.get("minimum", 0), schema.get("maximum", 2**40)
                return pick.randint(int(low), min(int(high), int(low) + 1000))
            case "boolean":
                return pick.random() < 0.5
            case "null":
                return None
            case _:
                return self.nonsense()

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        pick, properties = self._random, schema.get("properties")
        if properties is None:
            inner = schema.get("additionalProperties")
            items = inner if isinstance(inner, dict) else {}
            return {pick.choice(WORDS): self.value(items, depth + 1) for _ in range(pick.randrange(3))}
        required = set(schema.get("required", ()))
        chance = pick.choice([0.0, 0.1, 0.5])
        return {
            name: self.value(one, depth + 1)
            for name, one in properties.items()
            if name in required or pick.random() < chance
        }

    def _text(self, schema: dict[str, Any]) -> str:
        pick = self._random
        if "examples" in schema and pick.random() < 0.7:
            return str(pick.choice(schema["examples"]))
        match schema.get("format"):
            case "uuid":
                return pick.choice(self._ids)
            case "date-time":
                return pick.choice(INSTANTS)
        if pick.random() < 0.5:
            return f"fuzz-{pick.randrange(10**6)}"
        return pick.choice([*WORDS, *self._ids])
