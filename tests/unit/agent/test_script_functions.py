"""What scripts do with text and time, for any text."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_agent.tasks.script import texts
from tocsin_agent.tasks.script.failing import ScriptEnded
from tocsin_agent.tasks.script.language import BadScript, parse

words = st.text(st.characters(exclude_categories=["Cs"]))


@given(words)
def test_hexadecimal_there_and_back(text: str) -> None:
    assert texts.hex_decode(texts.hex_encode(text)) == text


@given(st.text("0123456789abcdefABCDEF \n", max_size=50).filter(lambda text: len("".join(text.split())) % 2))
def test_what_is_no_hexadecimal_ends_the_script(digits: str) -> None:
    with pytest.raises(ScriptEnded, match="hexadecimal"):
        texts.bytes_of_hex(digits)


@given(words, words)
def test_patterns_give_places_of_the_text_or_end_the_script(pattern: str, text: str) -> None:
    try:
        found = texts.regex_find(pattern, text)
    except ScriptEnded:
        with pytest.raises(ScriptEnded, match="can't be read"):
            texts.regex_replace(pattern, "x", text)
        return
    everywhere = texts.regex_find_all(pattern, text)
    assert (found is None) == (everywhere == [])
    assert all(one["text"] in text for one in everywhere)


@given(st.integers(min_value=-(10**9), max_value=10**11))
def test_instants_there_and_back(secs: int) -> None:
    assert texts.parse_time(texts.format_time(secs)) == secs


@pytest.mark.parametrize("call", [lambda: texts.format_time(1e300), lambda: texts.parse_time("yesterday")])
def test_what_is_no_instant_ends_the_script(call: Callable[[], object]) -> None:
    with pytest.raises(ScriptEnded, match="no instant"):
        call()


@given(st.text(max_size=200))
def test_any_text_is_code_or_is_refused_in_one_line(code: str) -> None:
    problems = []
    with suppress(UnicodeEncodeError):  # lone surrogates don't get as far as this
        try:
            parse(code)
        except BadScript as error:
            problems = [str(error)]
    assert not [one for one in problems if "\n" in one]


def test_a_script_that_needs_no_network_loads_no_client() -> None:
    code = "import sys, tocsin_agent.tasks.script.child; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert not {"asyncio", "aiohttp", "http.client", "ssl", "pydantic", "re2"} & set(done.stdout.split())
