"""What the two kinds of language model APIs are asked, and where their answers have the text. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from tocsin_shared.ai import AiProvider
from tocsin_shared.wire import dumps

MOST_TOKENS: Final = 2_048
_ANTHROPIC_VERSION: Final = "2023-06-01"
_BASE_URLS: Final = {
    AiProvider.ANTHROPIC: "https://api.anthropic.com",
    AiProvider.OPENAI: "https://api.openai.com",
}
_MODELS: Final = {AiProvider.ANTHROPIC: "claude-sonnet-4-5", AiProvider.OPENAI: "gpt-4o"}
#: These count what they think, too, and call the limit otherwise.
_THINKING: Final = ("gpt-5", "o1", "o3", "o4")


@dataclass(frozen=True, slots=True)
class Ai:
    """What is set."""

    api_key: str = field(repr=False)
    provider: AiProvider = AiProvider.ANTHROPIC
    model: str | None = None
    base_url: str | None = None
    api_version: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One HTTP request; with a body it is a POST."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = None


def completion(ai: Ai, system: str, turns: Sequence[str]) -> Question:
    """Asks for the next turn of a talk in which the user began."""
    said = [
        {"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(turns)
    ]
    model = ai.model or _MODELS[ai.provider]
    body: dict[str, Any]
    if ai.provider is AiProvider.ANTHROPIC:
        body = {"model": model, "max_tokens": MOST_TOKENS, "system": system, "messages": said}
        return _question(ai, "messages", body)
    limit = "max_completion_tokens" if model.startswith(_THINKING) else "max_tokens"
    body = {"model": model, limit: MOST_TOKENS, "messages": [{"role": "system", "content": system}, *said]}
    return _question(ai, "chat/completions", body)


def model_list(ai: Ai) -> Question | None:
    """Asks which models there are. None: servers that only speak OpenAI's API need not have such a list."""
    if ai.provider is AiProvider.OPENAI and ai.base_url is not None:
        return None
    return _question(ai, "models")


def text_of(ai: Ai, answer: Any) -> str:
    """What the model said. Raises ValueError when the answer is none."""
    try:
        if ai.provider is AiProvider.ANTHROPIC:
            return "".join(str(part["text"]) for part in answer["content"] if part["type"] == "text")
        return str(answer["choices"][0]["message"]["content"] or "")
    except (KeyError, IndexError, TypeError):
        raise ValueError("is not in the form of ai_provider") from None


def complaint_of(answer: Any) -> str:
    """Why the provider refused, if it says so where both do."""
    error = answer.get("error") if isinstance(answer, dict) else None
    told = error.get("message") if isinstance(error, dict) else error
    return told if isinstance(told, str) else ""


def _question(ai: Ai, path: str, body: dict[str, Any] | None = None) -> Question:
    base = (ai.base_url or _BASE_URLS[ai.provider]).rstrip("/")
    is_whole = base.endswith("/v1")
    url = f"{base}/{path}" if is_whole else f"{base}/v1/{path}"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if ai.provider is AiProvider.ANTHROPIC:
        headers |= {"x-api-key": ai.api_key, "anthropic-version": ai.api_version or _ANTHROPIC_VERSION}
    else:
        headers["Authorization"] = f"Bearer {ai.api_key}"
        if ai.api_version and not is_whole:
            url += f"?api-version={quote(ai.api_version, safe='')}"
    return Question(url, headers, dumps(body) if body is not None else None)
