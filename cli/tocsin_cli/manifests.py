"""Job documents in YAML or JSON, read and written.

YAML here means YAML 1.2's core rules: `yes`, `on` and `12:30` are text, and a date is text too, so what people
type is what the API gets. JSON is a part of that.
"""

import re
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import click
import yaml

from tocsin_cli.failures import Failure


class ManifestError(ValueError):
    """The text is no job document; says where and why."""


def read_documents(text: str, source: str) -> list[dict[str, Any]]:
    """Every document in the text; a list stands for its items. Raises ManifestError."""
    try:
        documents = [one for one in yaml.load_all(text, Loader=_Loader) if one is not None]
    except yaml.YAMLError as error:
        raise ManifestError(f"{source}: {_explained(error)}") from None
    flat = [item for one in documents for item in (one if isinstance(one, list) else [one])]
    for number, item in enumerate(flat, start=1):
        if not isinstance(item, dict):
            which = f" (document {number})" if len(flat) > 1 else ""
            raise ManifestError(f"{source}{which}: a job is written as `name: ...`, `task: ...` and so on")
    if not flat:
        raise ManifestError(f"{source}: no job in there")
    return flat


def read_source(source: str) -> list[dict[str, Any]]:
    """Every document of a file, or of standard input for `-`. Raises Failure, or UsageError when it can't be read."""
    try:
        if source == "-":
            return read_documents(sys.stdin.read(), "standard input")
        return read_documents(Path(source).read_text("utf-8"), source)
    except OSError as error:
        raise click.UsageError(f"cannot read {source}: {error.strerror}") from None
    except (ManifestError, UnicodeDecodeError) as error:
        raise Failure(str(error)) from None


def read_document(text: str, source: str) -> dict[str, Any]:
    """The only document in the text. Raises ManifestError."""
    documents = read_documents(text, source)
    if len(documents) != 1:
        raise ManifestError(f"{source}: one document expected, not {len(documents)}")
    return documents[0]


def write_document(document: dict[str, Any]) -> str:
    """YAML that `read_document` reads back as the same; scripts as blocks of lines."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


class _Loader(yaml.SafeLoader):
    """Core schema only, and a key given twice is an error."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """As the base does it, after a look at the keys."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is not text; put it in quotes", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


class _Dumper(yaml.SafeDumper):
    """Quotes exactly what `_Loader` would otherwise take for something else than text."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out; anchors only confuse here."""
        return True


_CORE = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "merge": (r"<<", "<"),
}
for _name, (_pattern, _first) in _CORE.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first)
        )


def _construct_int(loader: Any, node: Any) -> int:
    text: str = loader.construct_scalar(node)
    return int(text, 16) if text.startswith("0x") else int(text)


def _construct_float(loader: Any, node: Any) -> float:
    return float(loader.construct_scalar(node))


#: Characters that YAML would fold, drop or refuse if they stood there as they are.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def _represent_text(dumper: Any, text: str) -> Any:
    style = '"' if _ODD.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)
_Dumper.add_representer(str, _represent_text)


def _explained(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
