"""The error tree: each class knows its status and code, and says what is wrong."""

from tocsin_shared import errors
from tocsin_shared.errors import FieldError, InvalidInput, NotFound, TocsinError


def every_error() -> list[type[TocsinError]]:
    return [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, TocsinError)]


def test_every_error_is_drawn_in_the_tree() -> None:
    for error in every_error():
        assert f"{error.__name__} ({error.status} {error.code})" in (errors.__doc__ or "")


def test_codes_are_unique_among_concrete_errors() -> None:
    codes = [e.code for e in every_error()]
    assert len(codes) == len(set(codes))


def test_a_failed_request_is_answered_in_one_shape() -> None:
    body = InvalidInput("two things", details=[FieldError("a.b", "no")]).to_wire("r-1")
    assert body == {
        "error": "two things",
        "code": "invalid_input",
        "details": [{"field": "a.b", "reason": "no"}],
        "request_id": "r-1",
    }


def test_without_words_the_class_speaks() -> None:
    assert str(NotFound()) == "There is no such thing."
