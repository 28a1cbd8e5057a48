"""Secrets are found in every form and however the stream is cut, and nothing else changes."""

import base64
import json
import os
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_agent.runtime.redaction import Redactor, forms_of

SECRET = "pa/ss?w\u00f6rd'\"<&>"
#: A little alphabet, so that secrets overlap and repeat.
SMALL = st.text("ab", min_size=4, max_size=6)


def redacted(secrets: list[str], *pieces: bytes) -> bytes:
    redactor = Redactor(forms_of(secrets))
    return b"".join([*(redactor.feed(piece) for piece in pieces), redactor.rest()])


@pytest.mark.parametrize(
    "shown",
    [
        SECRET.encode(),
        quote(SECRET, safe="").encode(),
        quote(SECRET).lower().encode(),
        quote_plus(SECRET).encode(),
        json.dumps(SECRET).encode(),
        json.dumps(SECRET, ensure_ascii=False).encode(),
        base64.b64encode(SECRET.encode()),
        base64.urlsafe_b64encode(b"x" + SECRET.encode()),
        base64.b64encode(b"xy" + SECRET.encode() + b"more"),
        base64.encodebytes(b"u" * 50 + SECRET.encode()),
        shlex.quote(SECRET).encode(),
    ],
)
def test_every_form_goes_and_lengths_stay(shown: bytes) -> None:
    output = b"before " + shown + b" after\n"
    clean = redacted([SECRET], output)
    assert len(clean) == len(output)
    assert clean.startswith(b"before ")
    assert clean.endswith(b" after\n")
    assert b"****" in clean
    for form in forms_of([SECRET]):
        assert form not in clean.replace(b"\n", b"")


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_base64_of_any_text_around_a_secret_says_nothing_of_it(before: bytes, after: bytes) -> None:
    secret = "hunter2-hunter2"
    shown = base64.b64encode(before + secret.encode() + after)
    clean = redacted([secret], shown)
    # What is left decodes to what was around it; of the secret at most the bits that share a digit with it.
    kept = {i for i, byte in enumerate(clean) if byte != ord("*")}
    begin, end = len(before) * 8, (len(before) + len(secret)) * 8
    inside = {i for i in range(len(shown)) if begin <= i * 6 and (i + 1) * 6 <= end}
    assert not kept & inside


@given(st.lists(SMALL, min_size=1, max_size=3), st.text("ab\nc", max_size=60), st.data())
def test_however_the_stream_is_cut_the_same_goes(secrets: list[str], text: str, data: st.DataObject) -> None:
    output = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=6)))
    pieces = [output[a:b] for a, b in zip([0, *cuts], [*cuts, len(output)], strict=True)]
    clean = redacted(secrets, *pieces)
    assert clean == redacted(secrets, output)
    assert len(clean) == len(output)
    for secret in secrets:
        assert secret.strip().encode() not in clean
    assert all(a in (b, ord("*")) for a, b in zip(clean, output, strict=True))


def test_what_is_no_secret_is_untouched() -> None:
    assert redacted([SECRET], b"password passwort pass\n\x00\xff") == b"password passwort pass\n\x00\xff"


def test_short_secrets_are_not_looked_for() -> None:
    assert forms_of(["abc", " \n", ""]) == []


def test_a_long_secret_goes_by_pieces_and_lines() -> None:
    key = "\n".join(base64.b64encode(os.urandom(48)).decode() for _ in range(200))
    clean = redacted([key], f"x{key}y".encode())
    assert not [line for line in key.splitlines() if line.encode() in clean]
    line = key.splitlines()[7]
    assert redacted([key], f"only {line}.".encode()) == b"only " + b"*" * len(line) + b"."
    assert max(map(len, forms_of([key]))) < 5_000


def test_only_what_may_be_the_beginning_of_a_secret_is_held_back() -> None:
    redactor = Redactor([b"hunter2-hunter2"])
    assert redactor.feed(b"first line\n") == b"first line\n"
    assert redactor.feed(b"of the hun\nt") == b"of the "
    assert redactor.feed(b"ing\n") == b"hun\nting\n"
    assert redactor.feed(b"hunter2-hunter2 hunter") == b"*************** "
    assert redactor.rest() == b"hunter"


def test_secrets_that_are_nothing_but_line_breaks_are_none() -> None:
    assert redacted(["\n\n\n\n\n"], b"a\nb") == b"a\nb"
    redactor = Redactor([b"\n\n"])
    assert redactor.feed(b"a\n\n\n") == b"a\n\n\n"
