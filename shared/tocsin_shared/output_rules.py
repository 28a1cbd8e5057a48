"""What is made of the output of a job, once per result: values taken from it, what it must and what it may not say.

Patterns are those of RE2 (no look-around, no back-references: any text is searched in linear time), paths those of RFC
9535. Whether they can be read is checked by the controller when the job is saved.
"""

from collections import Counter
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tocsin_shared.variables import VariableName
from tocsin_shared.web_addresses import is_open_web_address
from tocsin_shared.wire import Text, UserModel

MAX_EXTRACTIONS = 10
MAX_TRIGGERS = 20
MAX_ASSERTIONS = 20
MAX_SINKS = 8
MAX_PATTERN_CHARS = 1024

Pattern = Annotated[Text, Field(min_length=1, max_length=MAX_PATTERN_CHARS)]

#: What a value is called in `extracted`, and in output that is replaced.
RuleName = Annotated[
    Text, StringConstraints(min_length=1, max_length=128, pattern=r"^[\w][\w .\-]*$", strip_whitespace=True)
]


class ExtractionType(StrEnum):
    """How a value is found."""

    #: The first named group that took part, else the first group, else the whole match.
    REGEX = "regex"
    #: In output that is one JSON document.
    JSONPATH = "jsonpath"


class ExtractionTarget(StrEnum):
    """Where a value goes, besides `extracted`."""

    #: Into a variable: `write_to_variable`, or one with the name of the rule.
    VARIABLE = "variable"
    #: Into the output: what is kept of stdout is replaced by lines `name: value`.
    OUTPUT = "output"


class Extraction(UserModel):
    """A value taken from stdout."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"write_to_variable", "target"})

    name: RuleName
    pattern: Pattern
    type: ExtractionType = ExtractionType.REGEX
    #: The variable that gets the value.
    write_to_variable: VariableName | None = None
    #: None: only into `extracted`, and into the variable if one is named.
    target: ExtractionTarget | None = None

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.target is ExtractionTarget.OUTPUT and self.write_to_variable is not None:
            raise ValueError("a value goes into a variable or into the output, not both: make two rules")
        if (
            self.target is ExtractionTarget.VARIABLE
            and self.write_to_variable is None
            and not _is_variable(self.name)
        ):
            raise ValueError("the name can't be a variable's (letters, digits, _): give `write_to_variable`")
        return self

    @property
    def variable(self) -> str | None:
        """The variable that gets the value."""
        if self.target is ExtractionTarget.VARIABLE:
            return self.write_to_variable or self.name
        return self.write_to_variable


class OutputTrigger(UserModel):
    """An event `output.matched` when stdout or stderr has this."""

    pattern: Pattern
    severity: Literal["info", "success", "warning", "error"] = "info"


class Assertion(UserModel):
    """What the stdout of a success must have, or it is a failure."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"message"})

    pattern: Pattern
    #: Said when it is not there.
    message: Annotated[Text, Field(min_length=1, max_length=500)] | None = None


class SinkType(StrEnum):
    """Where output goes besides."""

    #: The log of a controller.
    LOG = "log"
    #: A file of its own, on the disk of a controller.
    FILE = "file"
    SYSLOG = "syslog"
    #: fluentd or Fluent Bit.
    FLUENT = "fluent"


def _is_absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("must be an absolute path")
    return path


class Sink(UserModel):
    """Gets what every result of the job printed. The operators of controllers say which there are, and where."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"directory"})

    type: SinkType
    #: Of a file: one that the controllers' `output_directories` hold.
    directory: Annotated[Text, Field(max_length=1024), AfterValidator(_is_absolute)] | None = None
    #: False: once all sinks have it, what is kept of it says which file, or which fluentd, has all of it, and nothing
    #: else. Where neither does, it is kept.
    keep_output: bool = True

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if (self.type is SinkType.FILE) != (self.directory is not None):
            raise ValueError("a sink of the type file needs `directory`, and no other has it")
        return self


class OutputRules(UserModel):
    """What is made of the output of every result of a job."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"forward_url", "sinks"})

    extractions: Annotated[list[Extraction], Field(max_length=MAX_EXTRACTIONS)] = []
    triggers: Annotated[list[OutputTrigger], Field(max_length=MAX_TRIGGERS)] = []
    assertions: Annotated[list[Assertion], Field(max_length=MAX_ASSERTIONS)] = []
    #: Gets every result as a POST.
    forward_url: Annotated[Text, Field(max_length=2048), AfterValidator(is_open_web_address)] | None = None
    sinks: Annotated[list[Sink], Field(max_length=MAX_SINKS)] | None = None

    @model_validator(mode="after")
    def _no_two_are_one(self) -> Self:
        for what, names in (
            ("extractions", [e.name for e in self.extractions]),
            ("variables", [e.variable for e in self.extractions if e.variable]),
        ):
            twice = [name for name, times in Counter(names).items() if times > 1]
            if twice:
                raise ValueError(f"two {what} have the name '{twice[0]}'")
        return self

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.extractions or self.triggers or self.assertions or self.forward_url or self.sinks)


def _is_variable(name: str) -> bool:
    return name.isascii() and name.replace("_", "a").isalnum()
