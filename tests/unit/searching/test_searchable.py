"""What counts as a word, and what a search asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.searchable import Terms, parse_terms, places_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/var/log/app_1.log: No space left", ["var", "log", "app", "1", "log", "no", "space", "left"]),
        ("error=ENOSPC(28)", ["error", "enospc", "28"]),
        ("Größe: 3µm\x00\x01", ["größe", "3µm"]),
        ("x" * 101, []),
        ("", []),
    ],
)
def test_words_are_what_stands_between_everything_else(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("disk full", [("disk",), ("full",)], []),
        ('"disk full" -retry', [("disk", "full")], [("retry",)]),
        ("/var/log", [("var", "log")], []),
        ('-"no space" left', [("left",)], [("no", "space")]),
        ('"never closed', [("never", "closed")], []),
        ("a OR b", [("a",), ("or",), ("b",)], []),
    ],
)
def test_a_search_is_words_and_phrases(
    text: str, wanted: list[tuple[str, ...]], unwanted: list[tuple[str, ...]]
) -> None:
    assert parse_terms(text) == Terms(tuple(wanted), tuple(unwanted))


@pytest.mark.parametrize("text", ["", "-only -not", '""', "...", " ".join("abcdefghijklmnopqrstu")])
def test_a_search_for_nothing_or_for_too_much_is_none(text: str) -> None:
    assert parse_terms(text) is None


@given(st.text(max_size=200))
def test_whatever_is_searched_for_is_plain_words_in_quotes(text: str) -> None:
    terms = parse_terms(text)
    if terms is not None:
        for part in terms.query.split('"')[1::2]:
            assert words_of(part) == part.split(" ")


@given(
    st.lists(st.text("ab1_ -/", max_size=6), max_size=8).map(" ".join), st.text("ab1", min_size=1, max_size=2)
)
def test_places_are_whole_words(line: str, word: str) -> None:
    places = places_of(line, [(word,)])
    assert [line[start:end].lower() for start, end in places] == [word] * words_of(line).count(word)


def test_a_phrase_is_found_whatever_stands_between_its_words() -> None:
    assert places_of("Disk -- FULL, disk_full", [("disk", "full")]) == [(0, 12), (14, 23)]
