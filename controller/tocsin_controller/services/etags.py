"""Entity tags of jobs: what people decided, that is version, status and pause. What the job does is not in it."""

import hashlib
import re
from dataclasses import dataclass

from tocsin_controller.store.database import Record
from tocsin_shared.errors import InvalidInput, PreconditionFailed
from tocsin_shared.wire import dumps

_TAG = r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")'
_TAGS = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")
_MAX_CHARS = 4_096


def etag_of(row: Record) -> str:
    """The tag of a job's row. The end of the id tells apart a job and its successor of the same name."""
    pause = f"-{hashlib.sha256(dumps(row['pause'])).hexdigest()[:8]}" if row["pause"] else ""
    return f'"{row["id"].hex[-12:]}-{row["version"]}-{row["status"]}{pause}"'


@dataclass(frozen=True, slots=True)
class Precondition:
    """What an If-Match or If-None-Match header names."""

    #: None stands for `*`: whatever is there.
    tags: frozenset[str] | None

    @classmethod
    def of(cls, header: str | None, name: str) -> "Precondition | None":
        """From the header's value; None when there is none. Raises InvalidInput.

        `W/` is read over: proxies that compress answers put it in front of tags that name exactly one state.
        """
        if header is None or not header.strip():
            return None
        if header.strip() == "*":
            return cls(None)
        if len(header) > _MAX_CHARS or not _TAGS.fullmatch(header):
            raise InvalidInput.field(name, 'must be * or tags in double quotes, such as "...-3-scheduled"')
        return cls(frozenset(re.findall(_TAG, header)))

    def names(self, row: Record) -> bool:
        """Whether the row is in one of these states."""
        return self.tags is None or etag_of(row) in self.tags

    def check(self, row: Record) -> None:
        """Raises PreconditionFailed when it is in another one."""
        if not self.names(row):
            raise PreconditionFailed("the job was changed since it was read; read it again")
