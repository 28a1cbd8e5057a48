"""What is collected while an export is taken in: what is new, what was there, and everything that is wrong."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from tocsin_controller.services.findings import invalid
from tocsin_shared.errors import Conflict, FieldError, InvalidInput

M = TypeVar("M", bound=BaseModel)

#: More findings than this help nobody.
MOST_FINDINGS: Final = 50

KINDS: Final = (
    "groups", "variables", "connections", "scripts", "templates", "calendars", "jobs", "settings",
)  # fmt: skip


class Left(Exception):
    """This one is not taken in, and nothing is wrong with that."""


@dataclass(slots=True)
class Summary:
    """What was taken in, and what was there already."""

    imported: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, kind: str) -> None:
        """One more of this kind was left out."""
        self.skipped[kind] = self.skipped.get(kind, 0) + 1


class Findings:
    """Everything that is wrong with a document."""

    def __init__(self) -> None:
        self._details: list[FieldError] = []

    def add(self, where: str, error: InvalidInput | Conflict) -> None:
        """What was found below a place of the document."""
        details = error.details or [FieldError("", str(error))]
        self._details += [FieldError(f"{where}.{d.field}".rstrip("."), d.reason) for d in details]

    def refuse(self) -> None:
        """Raises InvalidInput when there is anything."""
        if self._details:
            first, more = self._details[0], len(self._details) - 1
            rest = f" (and {more} more)" if more else ""
            raise InvalidInput(
                f"nothing was imported: {first.field}: {first.reason}{rest}",
                details=self._details[:MOST_FINDINGS],
            )


@dataclass(slots=True)
class Intake:
    """One import."""

    summary: Summary = field(default_factory=Summary)
    found: Findings = field(default_factory=Findings)

    async def named(
        self,
        kind: str,
        documents: Sequence[dict[str, Any]],
        model: type[M],
        taken: set[str],
        save: Callable[[M], Awaitable[None]],
    ) -> None:
        """Save each of these whose `name` is not taken. `save` may raise Left and InvalidInput.

        Keys that the model does not have are left out: exports say when things were made, and by whom.
        """
        for position, document in enumerate(documents):
            sent = {key: value for key, value in document.items() if key in model.model_fields}
            name = str(sent.get("name"))
            if name in taken:
                self.summary.skip(kind)
                continue
            try:
                await save(model.model_validate(sent))
            except Left:
                self.summary.skip(kind)
            except ValidationError as error:
                self.found.add(f"{kind}.{position}", invalid(error, sent))
            except InvalidInput as error:
                self.found.add(f"{kind}.{position}", error)
            else:
                taken.add(name)
                self.summary.imported[kind] += 1
