"""What is wrong with output rules: patterns and paths that can't be read, addresses that may not be called."""

from urllib.parse import urlsplit

from tocsin_controller.rules.paths import BadPath, JsonPath
from tocsin_controller.rules.patterns import BadPattern, TextPattern
from tocsin_shared.errors import FieldError
from tocsin_shared.network import Reach
from tocsin_shared.output_rules import ExtractionType, OutputRules


def check_rules(rules: OutputRules, reach: Reach) -> list[FieldError]:
    """Everything wrong with them that their model can't know."""
    wrong: list[FieldError] = []
    for place, rule in enumerate(rules.extractions):
        field = f"output_rules.extractions.{place}.pattern"
        wrong += (
            _path(field, rule.pattern)
            if rule.type is ExtractionType.JSONPATH
            else _pattern(field, rule.pattern)
        )
    for place, trigger in enumerate(rules.triggers):
        wrong += _pattern(f"output_rules.triggers.{place}.pattern", trigger.pattern)
    for place, assertion in enumerate(rules.assertions):
        wrong += _pattern(f"output_rules.assertions.{place}.pattern", assertion.pattern)
    if rules.forward_url is not None:
        why = reach.refusal(urlsplit(rules.forward_url).hostname or "")
        if why is not None:
            wrong.append(FieldError("output_rules.forward_url", why))
    return wrong


def _pattern(field: str, pattern: str) -> list[FieldError]:
    try:
        TextPattern(pattern)
    except BadPattern as error:
        return [FieldError(field, str(error))]
    return []


def _path(field: str, path: str) -> list[FieldError]:
    try:
        JsonPath(path)
    except BadPath as error:
        return [FieldError(field, str(error))]
    return []
