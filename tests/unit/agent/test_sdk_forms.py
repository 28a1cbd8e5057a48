"""Functions as forms, and forms as arguments."""

import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import pytest

from tocsin_agent.sdk import CustomAgent, Execution, Form
from tocsin_agent.sdk.forms import BadData, Signature


class Paper(enum.Enum):
    """What labels are printed on."""

    STICKY = "a6"
    PLAIN = "a7"


def print_label(
    execution: Execution,
    text: Annotated[str, Form(label="Text", field_type="textarea", placeholder="Fragile")],
    copies: int = 1,
    width: float | None = None,
    paper: Paper = Paper.STICKY,
    side: Literal["front", "back"] = "front",
    cut: bool = True,
    lines: list[str] | None = None,
    pin: Annotated[str, Form(field_type="password")] = "",
) -> None:
    """Prints a label.

    In hall 2.
    """


def arguments(data: dict[str, Any], function: Callable[..., Any] = print_label) -> dict[str, Any]:
    class _Given:
        def __init__(self) -> None:
            self.data = data

    found = Signature(function).arguments(cast("Execution", _Given()))
    found.pop("execution", None)
    return found


def test_parameters_are_fields() -> None:
    agent = CustomAgent()
    agent.task(print_label)
    (told,) = agent.task_types
    assert told.given() == {
        "name": "print_label",
        "description": "Prints a label.\n\nIn hall 2.",
        "fields": [
            {
                "name": "text",
                "label": "Text",
                "field_type": "textarea",
                "required": True,
                "placeholder": "Fragile",
            },
            {"name": "copies", "field_type": "number"},
            {"name": "width", "field_type": "number"},
            {
                "name": "paper",
                "field_type": "select",
                "options": [{"value": "a6", "label": "STICKY"}, {"value": "a7", "label": "PLAIN"}],
            },
            {
                "name": "side",
                "field_type": "select",
                "options": [{"value": "front", "label": "front"}, {"value": "back", "label": "back"}],
            },
            {
                "name": "cut",
                "field_type": "select",
                "options": [{"value": "true", "label": "yes"}, {"value": "false", "label": "no"}],
            },
            {"name": "lines", "field_type": "textarea"},
            {"name": "pin", "field_type": "password"},
        ],
    }


def test_what_a_form_sends_becomes_what_the_function_wants() -> None:
    sent = {"text": "x", "copies": 2.0, "width": "1.5", "paper": "a7", "cut": "false", "lines": '["a", "b"]'}
    assert arguments(sent) == {
        "text": "x",
        "copies": 2,
        "width": 1.5,
        "paper": Paper.PLAIN,
        "cut": False,
        "lines": ["a", "b"],
    }


def test_fields_that_were_left_empty_take_the_functions_defaults() -> None:
    assert arguments({"text": "", "copies": "", "paper": ""}) == {"text": ""}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "The field 'text' is missing."),
        ({"text": "x", "copies": "hunter2"}, "The field 'copies' does not fit"),
        ({"text": "x", "copies": 1.5}, "The field 'copies' does not fit"),
        ({"text": "x", "side": "hunter2"}, "The field 'side' does not fit"),
        ({"text": "x", "lines": "hunter2"}, "The field 'lines' does not fit"),
        ({"text": "x", "colour": "hunter2"}, "There is no field 'colour'"),
    ],
)
def test_what_does_not_fit_is_named_without_its_value(data: dict[str, Any], said: str) -> None:
    with pytest.raises(BadData) as refused:
        arguments(data)
    assert str(refused.value).startswith(said)
    assert "hunter2" not in str(refused.value)


def test_a_function_of_any_arguments_is_no_form() -> None:
    def anything(**more: str) -> None: ...

    with pytest.raises(TypeError, match="can't be a field"):
        CustomAgent().task(anything)


def test_a_task_type_has_one_function() -> None:
    agent = CustomAgent()
    agent.task(name="print")(print_label)
    with pytest.raises(ValueError, match="'print' already"):
        agent.task(name="print")(print_label)
