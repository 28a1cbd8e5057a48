"""Jobs from a description in plain words: what is asked, and what is set for the language model that writes them."""

import re
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from tocsin_shared.web_addresses import is_open_web_address
from tocsin_shared.wire import Model, Text, UserModel

MOST_PROMPT_BYTES: Final = 2_000
LONGEST_WORD_CHARS: Final = 1_000
#: Shorter ones would be found by chance, and masked, in what a model says.
SHORTEST_KEY_CHARS: Final = 8
#: What goes into headers and addresses as it is.
_WORD = re.compile(r"[\x21-\x7e]+")


class AiProvider(StrEnum):
    """Whose API is spoken."""

    ANTHROPIC = "anthropic"
    #: Also that of other servers which have the same API.
    OPENAI = "openai"


def is_prompt(value: str) -> str:
    """The text. Raises ValueError."""
    if not value.strip() or len(value.encode()) > MOST_PROMPT_BYTES:
        raise ValueError(f"must have 1 to {MOST_PROMPT_BYTES} bytes")
    return value


def is_word(value: str) -> str:
    """The name of a model, a version. Raises ValueError, which does not show it."""
    if len(value) > LONGEST_WORD_CHARS or _WORD.fullmatch(value) is None:
        raise ValueError(f"must be at most {LONGEST_WORD_CHARS} printable ASCII characters without spaces")
    return value


def is_key(value: str) -> str:
    """A key of an API. Raises ValueError, which does not show it."""
    if len(value) < SHORTEST_KEY_CHARS:
        raise ValueError(f"must have at least {SHORTEST_KEY_CHARS} characters")
    return is_word(value)


def is_base_url(value: str) -> str:
    """Where an API begins: no credentials, which would be shown. Raises ValueError, which does not show it."""
    try:
        is_plain = "?" not in value and "#" not in value
        is_open_web_address(is_word(value))
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ValueError("must be an http:// or https:// URL without credentials, query or fragment")
    return value


class GenerateRequest(UserModel):
    """Asks for a job."""

    #: What it should do and when, in plain words; at most 2,000 bytes.
    prompt: Annotated[Text, AfterValidator(is_prompt)]


class GeneratedJob(Model):
    """A job that was not created."""

    #: As `POST /api/jobs` takes it.
    job: dict[str, Any]
