"""What all answers of the REST API have in common: keys, pages of lists."""

from typing import Any, Generic, TypeVar

from pydantic import ConfigDict

from tocsin_shared.wire import Model

T = TypeVar("T")


class View(Model):
    """The base: an answer has these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class Page(View, Generic[T]):
    """A stretch of a list."""

    data: list[T]
    #: Matches counted, from the cursor on when there is one.
    total: int
    #: There may be more than `total`: long histories are not counted to their end.
    total_is_capped: bool
    page: int
    per_page: int
    total_pages: int
    #: Send it as `after` to get what follows; null at the end. A page may be shorter than asked for and go on.
    next: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`PageOfJobView`."""
        return "PageOf" + "And".join(str(param.__name__) for param in params)


class StatusView(View):
    """It worked."""

    status: str
