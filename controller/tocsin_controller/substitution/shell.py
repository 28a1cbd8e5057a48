"""Values in a command for `sh -c`: each becomes exactly the characters it holds, in the word where it stands.

A command is read as a shell reads it, from left to right, so that the quoting around each reference is known: bare
words, double and single quotes, `$(...)`, here-documents, arithmetic, comments. Where shells differ, or this reader is
not sure, it says so and puts nothing in: from there on references are refused, whatever the value.
"""

import re
from dataclasses import dataclass
from typing import Final

from tocsin_controller.substitution.references import REFERENCE, CannotPlace, ValueOf, as_text

#: `${...}` that every shell reads alike: no quotes, escapes or further expansions but plain `$name`.
_PLAIN_EXPANSION: Final = re.compile(
    r"\$\{[#!]?[A-Za-z0-9_@*?#$!-]+(?:[-:=+?%#/,^~.A-Za-z0-9_ *@]|\$[A-Za-z0-9_])*\}"
)
#: A command substitution or arithmetic on one line without quotes, escapes, braces or anything nested.
_PLAIN_SUBSTITUTION: Final = re.compile(r"\$\([^()'\"`\\#{}<>\n]*\)|\$\(\([A-Za-z0-9_ +*/%-]*\)\)")
#: The word behind `<<`; quoted, the document is taken as it is.
_DELIMITER: Final = re.compile(
    r"[ \t]*(?:'(?P<single>[^'\n]+)'|\"(?P<double>[^\"\n$`\\]+)\"|(?P<slash>\\?)(?P<bare>[A-Za-z0-9_.+-]+))"
    r"(?=[ \t\n;&|()<>]|\Z)"
)
_ARITHMETIC: Final = re.compile(r"[A-Za-z0-9_ \t\n+*/%<>=!&|^~?:,-]")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_SUBSCRIPT: Final = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?\[")
#: What means nothing special, so that long texts are not read letter by letter.
_PLAIN_BARE: Final = re.compile(r"[A-Za-z0-9_./:,+@%^~=?!*-]+")
_PLAIN_IN_DOUBLE: Final = re.compile(r"[^\\`$\"{]+")
_PLAIN_IN_SINGLE: Final = re.compile(r"[^'{]+")
_PLAIN_IN_DOCUMENT: Final = re.compile(r"[^\\`${]+")
_PLAIN_IN_LITERAL: Final = re.compile(r"[^{]+")
_WORD_ENDS: Final = " \t\n;&|()<>"
_COMMAND_ENDS: Final = "\n;&|()"


def fill_shell(script: str, value_of: ValueOf) -> str:
    """The command with every reference replaced by its value, quoted. Raises CannotPlace."""
    if "{{" not in script:
        return script
    return _Reader(script, value_of).read()


def quoted(value: str) -> str:
    """One word of a shell that is this text."""
    return "'" + value.replace("'", "'\\''") + "'"


@dataclass(frozen=True, slots=True)
class _HereDocument:
    delimiter: str
    strips_tabs: bool
    is_literal: bool


class _Reader:
    """Reads one script once."""

    def __init__(self, text: str, value_of: ValueOf) -> None:
        self._text = text
        self._value_of = value_of
        self._at = 0
        self._out: list[str] = []
        #: Why nothing can be put in from here on.
        self._doubt: str | None = None
        #: Where the word that is being read begins, and whether it stands inside [[ ]].
        self._word: int | None = None
        self._is_in_test = False
        #: Whether the command runs its arguments as code.
        self._is_evaluated = False
        #: Here-documents that were announced and begin behind the next line break.
        self._announced = 0

    def read(self) -> str:
        self._commands(is_nested=False)
        return "".join(self._out)

    def _commands(self, *, is_nested: bool) -> None:
        """Commands up to the end, or when nested up to the `)` that ends them, which is left."""
        text, depth = self._text, 0
        documents: list[_HereDocument] = []
        while self._at < len(text):
            c = text[self._at]
            if c in _WORD_ENDS:
                self._end_word(is_nested=is_nested)
                self._is_evaluated = self._is_evaluated and c not in _COMMAND_ENDS
            elif c == "#" and self._word is None:
                self._comment()
                continue
            elif self._word is None and not text.startswith("\\\n", self._at):
                self._word = self._at
            match c:
                case "\n":
                    self._announced -= len(documents)
                    self._copy()
                    for document in documents:
                        self._here_document(document)
                    documents = []
                case "(":
                    if text.startswith("((", self._at):
                        self._suspect("inside or after ((")
                    if self._at and text[self._at - 1] == "=":
                        self._suspect("inside or after an array, which not every shell has")
                    depth += 1
                    self._copy()
                case ")":
                    if is_nested and depth == 0:
                        self._end_word(is_nested=True)
                        if documents:
                            self._suspect(
                                "after a here-document that begins inside $(...) and does not end there"
                            )
                        return
                    depth = max(depth - 1, 0)
                    self._copy()
                case "<" if text.startswith("<<<", self._at):
                    self._copy(3)
                case "<" if text.startswith("<<", self._at):
                    self._open_document(documents)
                case "'":
                    self._single_quotes()
                case '"':
                    self._double_quotes()
                case _:
                    if not self._reference():
                        self._common(in_quotes=False)

    def _end_word(self, *, is_nested: bool) -> None:
        if self._word is not None:
            match self._text[self._word : self._at]:
                case "case" if is_nested:
                    self._suspect("after `case` inside $(...)")
                case "eval" | "let":
                    self._is_evaluated = True
                case "[[":
                    self._is_in_test = True
                case "]]":
                    self._is_in_test = False
        self._word = None

    def _reference(self, *, is_quoted: bool = False) -> bool:
        """Put in the value of a reference that stands here, as a word of its own or between double quotes."""
        found = self._found()
        if found is None:
            return False
        name, value = found
        if value is None:
            self._out.append(as_text(name))
        else:
            self._out.append(f'"{quoted(value)}"' if is_quoted else quoted(value))
        return True

    def _found(self) -> tuple[str, str | None] | None:
        """The reference that stands here, and its value unless only its text is wanted; steps over it."""
        found = REFERENCE.match(self._text, self._at) if self._text[self._at] == "{" else None
        if found is None:
            return None
        is_in_subscript = self._word is not None and _SUBSCRIPT.match(self._text, self._word, self._at)
        self._at = found.end()
        name = found["name"]
        if found["literal"]:
            return name, None
        if self._doubt is not None:
            raise CannotPlace(name, f"stands {self._doubt}, where it is not certain how a shell reads it")
        if self._is_evaluated:
            raise CannotPlace(name, "stands behind `eval` or `let`, which run what they are given as code")
        if self._is_descriptor():
            raise CannotPlace(name, "stands behind >& or <&, what stands there some shells expand twice")
        if self._is_in_test:
            raise CannotPlace(
                name, "stands inside [[ ]], where some shells evaluate numbers as code; use [ ]"
            )
        if is_in_subscript:
            raise CannotPlace(name, "stands in the subscript of an array, which some shells evaluate as code")
        value = self._value_of(name)
        if "\x00" in value:
            raise CannotPlace(name, "holds a NUL character, which no command can")
        return name, value

    def _is_descriptor(self) -> bool:
        """Whether the word says what a descriptor becomes a copy of."""
        if self._word is None:
            return False
        before = self._text[: self._word].rstrip(" \t\n\\")
        return before.endswith((">&", "<&"))

    def _common(self, *, in_quotes: bool) -> None:
        """One step over what means the same in bare words and in double quotes."""
        match self._text[self._at]:
            case "\\":
                self._escape()
            case "`":
                self._backticks()
            case "$":
                self._dollar(in_quotes=in_quotes)
            case _:
                self._copy_plain(_PLAIN_IN_DOUBLE if in_quotes else _PLAIN_BARE)

    def _escape(self) -> None:
        """A backslash and what it escapes."""
        text, at = self._text, self._at
        if (found := REFERENCE.match(text, at + 1)) is not None:
            raise CannotPlace(
                found["name"], "stands behind a backslash; to write it as text, write {{{{NAME}}"
            )
        if text.startswith("\\\n", at) and at > 0 and text[at - 1] in "$<(":
            self._suspect("after an operator that goes on in the next line")
        self._copy(2)

    def _single_quotes(self) -> None:
        self._copy()
        while self._at < len(self._text):
            found = self._found()
            if found is None:
                if self._copy_plain(_PLAIN_IN_SINGLE) == "'":
                    return
            else:
                name, value = found
                self._out.append(as_text(name) if value is None else value.replace("'", "'\\''"))

    def _double_quotes(self) -> None:
        self._copy()
        while self._at < len(self._text):
            if self._text[self._at] == '"':
                self._copy()
                return
            if not self._reference(is_quoted=True):
                self._common(in_quotes=True)

    def _backticks(self) -> None:
        self._copy()
        while self._at < len(self._text):
            if (found := REFERENCE.match(self._text, self._at)) is not None and not found["literal"]:
                raise CannotPlace(found["name"], "stands inside `...`; use $(...) instead")
            if self._text[self._at] == "\\":
                self._copy(2)
            elif self._copy() == "`":
                return

    def _dollar(self, *, in_quotes: bool) -> None:
        text = self._text
        if text.startswith("$((", self._at):
            self._arithmetic()
        elif text.startswith("$(", self._at):
            self._copy(2)
            around, self._word = self._word, None
            self._commands(is_nested=True)
            self._copy()
            self._word = around
        elif text.startswith("${", self._at):
            self._expansion()
        else:
            if text.startswith("$[", self._at):
                self._suspect("inside or after $[")
            if text.startswith("$'", self._at) and not in_quotes:
                self._suspect("inside or after $'...'")
            self._copy()

    def _expansion(self) -> None:
        found = _PLAIN_EXPANSION.match(self._text, self._at)
        if found is None:
            self._suspect("inside or after a ${...} that is not a simple one")
            self._copy()  # the brace may begin a reference
        else:
            self._copy(found.end() - self._at)

    def _arithmetic(self) -> None:
        text, depth = self._text, 2
        self._copy(3)
        while self._at < len(text) and depth:
            c = text[self._at]
            if c == "{" and self._number():
                continue
            if c == ")" and depth == 2 and not text.startswith("))", self._at):
                self._suspect("inside or after $((")
            depth += {"(": 1, ")": -1}.get(c, 0)
            is_plain = c in "()" or (c == "$" and re.match(r"\$[A-Za-z0-9_]", text[self._at : self._at + 2]))
            if not is_plain and not _ARITHMETIC.match(c):
                self._suspect("inside or after a $((...)) that is not a simple one")
                return
            self._copy()

    def _number(self) -> bool:
        before = self._text[self._at - 1]
        found = self._found()
        if found is None:
            return False
        name, value = found
        after = self._text[self._at : self._at + 1]
        if value is None or not _INTEGER.fullmatch(value):
            raise CannotPlace(name, "stands in $((...)) and is not a whole number")
        if before.isalnum() or after.isalnum() or before in "_$" or (after and after in "_$"):
            raise CannotPlace(name, "stands in $((...)) as part of a name or a number")
        self._out.append(f"({int(value)})")
        return True

    def _comment(self) -> None:
        """Nothing is put in: a line break in a value would end the comment."""
        end = self._text.find("\n", self._at)
        self._copy((len(self._text) if end < 0 else end) - self._at)

    def _open_document(self, documents: list[_HereDocument]) -> None:
        strips_tabs = self._text.startswith("<<-", self._at)
        self._copy(3 if strips_tabs else 2)
        found = _DELIMITER.match(self._text, self._at)
        if found is None:
            self._suspect("after a here-document whose delimiter is not a simple word")
            return
        self._copy(found.end() - self._at)
        delimiter = found["single"] or found["double"] or found["bare"]
        self._announced += 1
        documents.append(_HereDocument(delimiter, strips_tabs, found["bare"] is None or bool(found["slash"])))

    def _here_document(self, document: _HereDocument) -> None:
        """What stands between here and the delimiter, which is passed too."""
        end, last = self._document_end(document)
        if end is None:
            self._suspect("in a here-document without end")
            return
        start, last_name = len(self._out), ""
        while self._at < end:
            found = self._found()
            if found is not None:
                last_name = found[0]
                self._out.append(self._in_document(document, *found))
            elif document.is_literal:
                self._copy_plain(_PLAIN_IN_LITERAL, end)
            else:
                self._document_text(end)
        body = "".join(self._out[start:])
        lines = body.split("\n")[:-1] if last_name else []
        if any(_is_end(line, document) for line in lines):
            raise CannotPlace(last_name, "would end the here-document in which it stands")
        if any(_is_nearly_end(line, document) for line in lines):
            raise CannotPlace(
                last_name, "makes a line like the end of its here-document, which some shells change"
            )
        self._copy(last - self._at)

    def _document_end(self, document: _HereDocument) -> tuple[int | None, int]:
        """Where the line of the delimiter begins and ends."""
        begin, before = self._at, ""
        while begin <= len(self._text):
            stop = self._text.find("\n", begin)
            line = self._text[begin : stop if stop >= 0 else len(self._text)]
            if _is_end(line, document):
                if not document.is_literal and (len(before) - len(before.rstrip("\\"))) % 2:
                    self._suspect("in or after a here-document whose last line goes on behind a backslash")
                return begin, begin + len(line)
            if stop < 0:
                break
            begin, before = stop + 1, line
        return None, len(self._text)

    def _in_document(self, document: _HereDocument, name: str, value: str | None) -> str:
        if value is None:
            return as_text(name)
        if document.strips_tabs and ("\n\t" in value or value.startswith("\t")):
            raise CannotPlace(name, "has a line that begins with a tab, which <<- would take away")
        lines = value.split("\n")
        if len(lines) > 1 and any(_is_end(line, document) for line in lines):
            raise CannotPlace(name, "has a line that would end the here-document")
        return value if document.is_literal else re.sub(r"[\\$`]", r"\\\g<0>", value)

    def _document_text(self, end: int) -> None:
        text = self._text
        match text[self._at]:
            case "\\":
                self._escape()
            case "`":
                self._suspect("after `...` in a here-document")
                self._copy()
            case "$" if text.startswith("${", self._at):
                self._expansion()
            case "$" if text.startswith(("$(", "$["), self._at):
                found = _PLAIN_SUBSTITUTION.match(text, self._at)
                if found is None:
                    self._suspect("after a $(...) in a here-document that is not a simple one")
                self._copy(found.end() - self._at if found else 1)
            case _:
                self._copy_plain(_PLAIN_IN_DOCUMENT, end)

    def _copy_plain(self, plain: re.Pattern[str], end: int | None = None) -> str:
        """What means nothing special here, or else one letter."""
        found = plain.match(self._text, self._at, len(self._text) if end is None else end)
        return self._copy(found.end() - self._at if found else 1)

    def _copy(self, count: int = 1) -> str:
        piece = self._text[self._at : self._at + count]
        if self._announced and "\n" in piece:
            self._suspect(
                "after a here-document that is announced before a word which goes on in the next line"
            )
        self._out.append(piece)
        self._at += count
        return piece

    def _suspect(self, where: str) -> None:
        self._doubt = self._doubt or where


def _is_end(line: str, document: _HereDocument) -> bool:
    return (line.lstrip("\t") if document.strips_tabs else line) == document.delimiter


def _is_nearly_end(line: str, document: _HereDocument) -> bool:
    """dash loses a byte where a line begins like the delimiter and goes on with a character beyond ASCII."""
    line = line.lstrip("\t") if document.strips_tabs else line
    pairs = zip(line, document.delimiter, strict=False)
    shorter = min(len(line), len(document.delimiter))
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)
    return 0 < same < len(line) and not line[same].isascii()
