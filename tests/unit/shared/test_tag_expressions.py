"""Expressions over tags: the grammar held against Python's own boolean operators, and what people are told."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_shared.tag_expressions import (
    DEEPEST,
    BadExpression,
    canonical,
    matches,
    objections,
    parse,
)
from tocsin_shared.targets import TaggedTarget, is_fan_out

TAGS = ["linux", "db", "dc:fra1", "web-2", "größe", "and", "NOT"]

#: (as people write it, the same for Python's eval over a set `tags`), with whatever blanks and parentheses.
Pair = tuple[str, str]


def _spelled(tag: str) -> str:
    return f'"{tag}"' if tag.lower() in {"and", "or", "not"} else tag


leaf = st.sampled_from(TAGS).map(lambda tag: (_spelled(tag), f"({tag!r} in tags)"))
blank = st.sampled_from([" ", "  ", "\t"])


def _grow(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def negated(one: Pair, word: str) -> Pair:
        return f"{word} ({one[0]})", f"(not ({one[1]}))"

    def wrapped(one: Pair) -> Pair:
        return f"({one[0]})", f"({one[1]})"

    def chained(ones: list[Pair], words: list[str], gap: str) -> Pair:
        """Precedence is left to each side's own rules: no parentheses are added."""
        text, source = ones[0]
        for one, word in zip(ones[1:], words, strict=False):
            text += f"{gap}{word}{gap}{one[0]}"
            source += f" {word.lower()} {one[1]}"
        return text, source

    words = st.lists(st.sampled_from(["and", "or", "AND", "Or"]), min_size=4, max_size=4)
    return st.one_of(
        st.builds(negated, inner, st.sampled_from(["not", "NOT"])),
        inner.map(wrapped),
        st.builds(chained, st.lists(inner, min_size=2, max_size=4), words, blank),
    )


expressions = st.recursive(leaf, _grow, max_leaves=12)
tag_sets = st.frozensets(st.sampled_from(TAGS))


@given(expressions, tag_sets)
def test_an_expression_means_what_the_same_words_mean_in_python(pair: Pair, tags: frozenset[str]) -> None:
    text, source = pair
    expected = eval(source, {"tags": tags})  # noqa: S307  the source is made above, of known words
    assert matches(parse(text), tags) is expected


@given(expressions)
def test_the_canonical_text_means_the_same_tree_and_is_its_own(pair: Pair) -> None:
    tree = parse(pair[0])
    assert parse(canonical(tree)) == tree
    assert canonical(parse(canonical(tree))) == canonical(tree)


@given(expressions, tag_sets)
def test_there_are_objections_exactly_against_those_it_does_not_mean(
    pair: Pair, tags: frozenset[str]
) -> None:
    tree = parse(pair[0])
    assert bool(objections(tree, tags)) is not matches(tree, tags)


@given(st.text(alphabet='ab()" andortn-:', max_size=40))
def test_any_text_is_an_expression_or_told_what_is_wrong_with_it(text: str) -> None:
    with suppress(BadExpression):
        assert parse(canonical(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("linux and", r"ends where a tag is expected \(position 10\)"),
        ("linux db", "`and` or `or` is missing before 'db' at position 7"),
        ("(linux or db", r"`\(` at position 1 is never closed"),
        ("(linux db)", "missing before 'db' at position 8"),
        ("linux)", r"`\)` at position 6 closes nothing"),
        ("or linux", "a tag is expected instead of 'or' at position 1"),
        ("linux && db", "unexpected '&' at position 7"),
        ('linux and "db', "a quoted tag without its end at position 11"),
        ('""', "'' at position 1 is no tag"),
        ("a" * 65, "position 1 has more than 64"),
        ("not " * (DEEPEST + 1) + "a", "nested more than 20 deep at position 81"),
        ("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), "nested more than 20 deep at position 21"),
    ],
)
def test_what_is_wrong_is_told_with_its_position(text: str, why: str) -> None:
    with pytest.raises(BadExpression, match=why):
        parse(text)


def test_objections_name_the_tags() -> None:
    tree = parse("linux and not (db or legacy)")
    assert objections(tree, frozenset({"linux"})) == []
    assert objections(tree, frozenset({"db"})) == ["lacks the tag linux", "has the tag db"]
    assert objections(parse("a or b"), frozenset()) == ["lacks the tag a", "lacks the tag b"]


def test_a_target_names_a_tag_or_an_expression() -> None:
    for wrong in ({}, {"tag": "a", "expression": "a"}):
        with pytest.raises(ValidationError, match="give one of `tag` and `expression`"):
            TaggedTarget.model_validate({"type": "tagged", **wrong})
    with pytest.raises(ValidationError, match="position 3"):
        TaggedTarget.model_validate({"type": "tagged", "expression": "a b"})


@pytest.mark.parametrize(
    "shown",
    [
        {"type": "tagged", "tag": "web"},
        {"type": "tagged", "expression": "web and not db"},
        {"type": "tagged", "tag": "web", "mode": "all"},
    ],
)
def test_a_target_shows_only_what_was_chosen(shown: dict[str, str]) -> None:
    target = TaggedTarget.model_validate(shown)
    assert target.model_dump(mode="json") == shown
    assert is_fan_out(target) is ("mode" in shown)
