"""Taking secrets out of what leaves the host: the forms that they are looked for in, and doing it inside the agent.

For processes the keeper does it (keeper/redact.c), before anything is written. Every byte of a secret becomes `*`, so
offsets and lengths stay true.
"""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote, quote_plus

from tocsin_agent.runtime.outcome import Outcome

#: Shorter secrets are not looked for: too much of what is no secret would go.
SHORTEST_CHARS: Final = 4
#: Lines of a secret of several lines are looked for one by one, too, if they are this long.
SHORTEST_LINE_CHARS: Final = 8
#: Longer forms are looked for in pieces of this size. The keeper takes none that is longer than twice that.
PIECE_BYTES: Final = 2_000
_LONG_CHARS: Final = 1_000
MASK: Final = b"*"
#: Held back at most, when a stream goes on with nothing but line breaks.
MOST_HELD_BYTES: Final = 1024 * 1024
#: So many bytes tell whether a form may begin here at all.
_LOOK_BYTES: Final = 3
#: Encoders put these into long texts.
_BREAKS: Final = b"\r\n"


def forms_of(secrets: Iterable[str]) -> list[bytes]:
    """What to look for: the secrets as they are, and as they look encoded."""
    forms: dict[bytes, None] = {}
    for secret in secrets:
        for text in _parts(secret):
            for form in _encoded(text):
                forms.update(dict.fromkeys(_pieces(form)))
    return list(forms)


async def forms_for(secrets: Sequence[str]) -> list[bytes]:
    """The same; long secrets don't keep the event loop waiting."""
    if sum(map(len, secrets)) > _LONG_CHARS:
        return await asyncio.to_thread(forms_of, secrets)
    return forms_of(secrets)


def without_secrets(forms: Sequence[bytes], outcome: Outcome) -> Outcome:
    """The outcome with a message that holds none."""
    if not forms or not outcome.message:
        return outcome
    redactor = Redactor(forms)
    clean = redactor.feed(outcome.message.encode("utf-8", "replace")) + redactor.rest()
    return replace(outcome, message=clean.decode("utf-8", "replace"))


class Redactor:
    """Masks one stream as it comes in pieces of any size."""

    def __init__(self, forms: Sequence[bytes]) -> None:
        # Line breaks may stand between any two bytes, but are not themselves part of what is hidden.
        self._forms = {flat for form in forms if (flat := form.translate(None, _BREAKS))}
        self._longest = max(map(len, self._forms), default=0)
        #: The forms by each of the first beginnings that they have, for a quick look.
        self._by_begin: dict[bytes, list[bytes]] = {}
        for form in self._forms:
            for length in range(1, min(_LOOK_BYTES, len(form)) + 1):
                self._by_begin.setdefault(form[:length], []).append(form)
        self._held = bytearray()
        self._masked = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take what comes next, and give out what is certain by now: all but what may be the beginning of a form."""
        self._held += data
        self._masked += data
        places = [at for at, byte in enumerate(self._held) if byte not in _BREAKS]
        flat = self._held.translate(None, _BREAKS)
        self._mask(flat, places)
        begin = self._beginning(flat)
        certain = len(self._held) if begin is None else places[begin]
        return self._give(max(certain, len(self._held) - MOST_HELD_BYTES))

    def rest(self) -> bytes:
        """Nothing more comes."""
        return self._give(len(self._held))

    def _beginning(self, flat: bytearray) -> int | None:
        """Where the longest end of this begins that a form could begin with."""
        tail = bytes(flat[max(len(flat) - self._longest + 1, 0) :])
        for at in range(len(tail)):
            forms = self._by_begin.get(tail[at : at + _LOOK_BYTES])
            if forms and any(form.startswith(tail[at:]) for form in forms):
                return len(flat) - len(tail) + at
        return None

    def _mask(self, flat: bytearray, places: Sequence[int]) -> None:
        for form in self._forms:
            begin = flat.find(form)
            while begin >= 0:
                for place in places[begin : begin + len(form)]:
                    self._masked[place : place + 1] = MASK
                begin = flat.find(form, begin + 1)

    def _give(self, count: int) -> bytes:
        if count <= 0:
            return b""
        given = bytes(self._masked[:count])
        del self._held[:count]
        del self._masked[:count]
        return given


def _parts(secret: str) -> Iterator[str]:
    """The secret without the white space around it, and its lines."""
    whole = secret.strip()
    if len(whole) >= SHORTEST_CHARS:
        yield whole
        lines = [line.strip() for line in whole.splitlines()]
        if len(lines) > 1:
            yield from (line for line in lines if len(line) >= SHORTEST_LINE_CHARS)


def _encoded(text: str) -> Iterator[bytes]:
    raw = text.encode()
    yield raw
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield from _base64_forms(raw, encode)
    from html import escape  # with a table of all of HTML's names, which only those who have secrets need

    for url in (
        quote(text, safe=""),
        quote(text),
        quote(text, safe="!'()*"),
        quote_plus(text),
        quote_plus(text, safe="*"),
    ):
        yield url.encode()
        yield re.sub("%..", lambda found: found[0].lower(), url).encode()
    for is_ascii in (True, False):
        in_json = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        yield in_json.encode()
        yield in_json.replace("/", "\\/").encode()
        yield re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", in_json).encode()
    # As shells show it when they trace what they run, and as it looks in XML.
    yield text.replace("'", "'\\''").encode()
    yield text.replace("'", "'\"'\"'").encode()
    yield escape(text, quote=True).encode()
    yield escape(text, quote=False).encode()


def _base64_forms(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """The digits that depend on the secret alone, wherever in a longer text it stands."""
    for before in range(3):
        digits = encode(bytes(before) + raw)
        yield digits[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def _pieces(form: bytes) -> Iterator[bytes]:
    """The form in pieces that are looked for by themselves; none so short that it means nothing."""
    while len(form) > 2 * PIECE_BYTES:
        yield form[:PIECE_BYTES]
        form = form[PIECE_BYTES:]
    if form:
        yield form
