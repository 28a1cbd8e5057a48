"""The Starlark that scripts are written in: which parts of it there are, and reading it."""

import re
from typing import Final

import starlark as sl

#: What a script's own lines are called in errors.
_FILE: Final = "script"
_PLACE: Final = re.compile(r"^\s*--> [^\n]*?:(\d+):(\d+)$", re.MULTILINE)
_KEPT_CHARS: Final = 400
#: Words that begin lines of Rhai, and of nothing in Starlark.
_RHAI: Final = re.compile(r"^\s*(?:let|const|fn)\s+\w|`[^`\n]*\$\{|#\{|^\s*//", re.MULTILINE)
_HINT: Final = "; this looks like Rhai, which has to be written in Starlark here"


class BadScript(Exception):
    """The code can't be read. The message is one line; `line` counts from 1, 0 when it is not known."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def dialect() -> sl.Dialect:
    """Statements at the top level and f-strings, as people who know Python expect; no `load`."""
    chosen = sl.Dialect.extended()
    chosen.enable_load = False
    chosen.enable_top_level_stmt = True
    chosen.enable_f_strings = True
    return chosen


def global_names() -> sl.Globals:
    """What Starlark itself brings."""
    library = sl.LibraryExtension
    return sl.Globals.extended_by([library.StructType, library.Json, library.Map, library.Filter])


def parse(code: str) -> sl.AstModule:
    """The code, read. Raises BadScript."""
    try:
        return sl.parse(_FILE, code, dialect())
    except sl.StarlarkError as error:
        message, line = told(error)
        hint = _HINT if _RHAI.search(code) else ""
        raise BadScript(f"line {line}: {message}{hint}" if line else f"{message}{hint}", line) from None


def told(error: BaseException) -> tuple[str, int]:
    """What is wrong, in one line without the picture of the code, and where: the line, or 0."""
    text = str(error)
    place = _PLACE.search(text)
    begin = text.rfind("error: ", 0, place.start() if place else len(text))
    message = text[begin + len("error: ") if begin >= 0 else 0 : place.start() if place else len(text)]
    # The parser lists everything that could have stood there.
    message = re.sub(r",? expected one of .*", "", message, flags=re.DOTALL)
    message = " ".join(message.replace(" here", "").split())[:_KEPT_CHARS]
    return message, int(place[1]) if place else 0
