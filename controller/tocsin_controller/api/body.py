"""Reading request bodies: never more than the route accepts, and only JSON that means one thing.

People's bodies are read strictly: one object, no key twice, no NaN, nothing that the database can't hold. Agents'
bodies come thousands of times a second and are parsed straight into their model.
"""

import json
import zlib
from math import isfinite
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import parse_qs

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import ContentEncodingError
from pydantic import BaseModel, ValidationError

from tocsin_controller.services.findings import invalid
from tocsin_shared.errors import BodyTooLarge, FieldError, InvalidInput, MalformedBody

M = TypeVar("M", bound=BaseModel)

#: Objects and lists inside each other.
MAX_DEPTH: Final = 64
MAX_FORM_FIELDS: Final = 20
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_LONGEST_INT_CHARS = 20


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body as sent, or unpacked when it was compressed. Raises BodyTooLarge as soon as that is known."""
    announced, content = request.content_length, request.content
    if announced is not None and announced > limit:
        raise BodyTooLarge(f"the body is larger than {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    try:
        while not content.at_eof():
            chunk = await content.readany()
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(f"the body is larger than {limit} bytes")
            chunks.append(chunk)
    except (ClientPayloadError, ContentEncodingError, web.RequestPayloadError, zlib.error):
        raise MalformedBody("the body does not arrive as its headers say") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def from_form(raw: bytes, field: str | None) -> bytes:
    """The JSON in that field of a form, if this is such a form; else what came.

    What is sent says which it is, not its content type: curl calls everything a form. Raises MalformedBody.
    """
    if field is None or not raw.startswith(f"{field}=".encode()):
        return raw
    try:
        return parse_qs(raw, strict_parsing=True, max_num_fields=MAX_FORM_FIELDS)[field.encode()][0]
    except (ValueError, KeyError):  # a field without a value is none
        raise MalformedBody("the body is neither JSON nor a form") from None


def parse_strictly(model: type[M], raw: bytes) -> M:
    """What a person sent. Raises MalformedBody or InvalidInput with everything that is wrong."""
    value = load_json(raw)
    if not isinstance(value, dict):
        raise MalformedBody(f"the body must be a JSON object, not {_word(value)}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error, value) from None
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except TypeError:  # a model's own check met a type that it did not expect
        raise InvalidInput("a value is of the wrong type") from None


def parse_fast(model: type[M], raw: bytes) -> M:
    """What an agent sent. Raises MalformedBody or InvalidInput."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise MalformedBody(f"the body is not valid JSON: {found[0]['ctx']['error']}") from None
        raise invalid(error, None) from None
    except TypeError:
        raise InvalidInput("a value is of the wrong type") from None


def load_json(raw: bytes) -> Any:
    """Any value that can be kept as it is. Raises MalformedBody, InvalidInput."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_int,
            parse_float=_float,
        )
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise MalformedBody(f"the body is not valid JSON: {error.msg} at {where}") from None
    except ValueError as error:
        raise MalformedBody(f"the body is not acceptable JSON: {error}") from None
    if _is_suspect(text):
        check_storable(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {json.dumps(key[:100])} comes twice in one object")
            seen.add(key)
    return value


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _int(text: str) -> int:
    value = int(text) if len(text) <= _LONGEST_INT_CHARS else _INT_MAX + 1
    if not _INT_MIN <= value <= _INT_MAX:
        raise ValueError(f"the number {text[:30]} does not fit 64 bits")
    return value


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:30]} is too large")
    return value


def _is_suspect(text: str) -> bool:
    """Whether a closer look is needed; ordinary bodies are not walked through."""
    return text.count("{") + text.count("[") > MAX_DEPTH or "\\u0000" in text or "\\ud" in text.lower()


def check_storable(value: Any) -> None:
    """Refuses what PostgreSQL's jsonb can't hold, or can't be written, naming the place.

    Raises MalformedBody, InvalidInput.
    """
    wrong: list[FieldError] = []
    waiting: list[tuple[str, Any, int]] = [("", value, 1)]
    while waiting and len(wrong) < 50:
        path, one, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise MalformedBody("the body is nested too deeply")
        if isinstance(one, dict):
            wrong += [FieldError(path, f"a key {why}") for key in one if (why := _unstorable(key))]
            waiting += [(f"{path}.{key}" if path else key, item, depth + 1) for key, item in one.items()]
        elif isinstance(one, list):
            waiting += [(f"{path}.{index}", item, depth + 1) for index, item in enumerate(one)]
        elif (isinstance(one, str) and (why := _unstorable(one))) or (why := _no_number(one)):
            wrong.append(FieldError(path, why))
    if wrong:
        details = [FieldError(_printable(e.field), e.reason) for e in reversed(wrong)]
        raise InvalidInput(f"{details[0].field}: {details[0].reason}", details=details)


def _unstorable(text: str) -> str | None:
    if "\x00" in text:
        return "must not contain NUL bytes"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "must be valid Unicode (lone surrogate found)"
    return None


def _no_number(value: Any) -> str | None:
    if isinstance(value, float) and not isfinite(value):
        return "must be a finite number"
    return "must fit 64 bits" if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX else None


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")


def _word(value: Any) -> str:
    return {list: "a list", str: "text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
