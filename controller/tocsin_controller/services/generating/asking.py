"""One request to a provider: under the network policy, within bounds, and its answer without the key."""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from tocsin_agent.network import AddressRefused
from tocsin_agent.runtime.redaction import Redactor, forms_of
from tocsin_controller.services.generating.providers import Ai, Question, complaint_of
from tocsin_controller.workflow.couriers import outside
from tocsin_shared.errors import NoAnswer, UpstreamFailed
from tocsin_shared.network import Reach
from tocsin_shared.wire import loads

LONGEST_SECS: Final = 30.0
MAX_ANSWER_BYTES: Final = 1024 * 1024
#: Of what a provider says about a refusal.
_COMPLAINT_CHARS: Final = 300


async def ask(reach: Reach, ai: Ai, question: Question) -> Any:
    """The JSON of its answer. Raises UpstreamFailed, NoAnswer."""
    try:
        if (why := reach.refusal(urlsplit(question.url).hostname or "")) is not None:
            raise AddressRefused(why)
        async with (
            asyncio.timeout(LONGEST_SECS),
            outside(reach) as http,
            http.request(
                "GET" if question.body is None else "POST",
                question.url,
                data=question.body,
                headers=question.headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer,
        ):
            status, raw = answer.status, await _bounded(answer)
    except TimeoutError:
        raise NoAnswer(f"the AI provider gave no answer within {LONGEST_SECS:g} seconds") from None
    except AddressRefused as error:
        raise UpstreamFailed(f"the AI provider can't be asked: {error}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        text = f"the AI provider can't be asked: {type(error).__name__}: {error}"[:_COMPLAINT_CHARS]
        raise UpstreamFailed(_without(ai.api_key, text.encode("utf-8", "replace")).decode()) from None
    return await asyncio.to_thread(_read, ai, status, raw)


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_any():
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise UpstreamFailed(f"the AI provider's answer is larger than {MAX_ANSWER_BYTES} bytes")
    return bytes(raw)


def _read(ai: Ai, status: int, raw: bytes) -> Any:
    clean = _without(ai.api_key, raw)
    try:
        answer = loads(clean)
    except ValueError:
        answer = None
    if not 200 <= status < 300:
        why = complaint_of(answer)[:_COMPLAINT_CHARS]
        raise UpstreamFailed(f"the AI provider answered HTTP {status}" + (f": {why}" if why else ""))
    if not isinstance(answer, dict):
        raise UpstreamFailed("the AI provider's answer is not a JSON object")
    return answer


def _without(api_key: str, raw: bytes) -> bytes:
    """A server may say back what it was told."""
    redactor = Redactor(forms_of([api_key]))
    clean = redactor.feed(raw) + redactor.rest()
    return clean.decode("utf-8", "replace").encode()
