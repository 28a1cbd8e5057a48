"""Values in JSON, URLs, headers and bodies, read back by what reads them in earnest."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from tocsin_controller.substitution.references import CannotPlace
from tocsin_controller.substitution.text import fill_body, fill_header, fill_json, fill_plain, fill_url

VALUE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
JSON = {"Content-Type": "application/json; charset=utf-8"}


def value_of(**values: str) -> Callable[[str], str]:
    return values.__getitem__


@given(a=VALUE, b=VALUE)
def test_a_json_string_holds_the_value(a: str, b: str) -> None:
    text = fill_json('{"x": "<{{A}}> \\" {{B}}", "y\\\\": {{A}}, "{{B}}": ["{{{{A}}"]}', value_of(A=a, B=b))
    if b not in ("x", "y\\"):
        read = json.loads(text)
        assert read["x"] == f'<{a}> " {b}'
        assert read[b] == ["{{A}}"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("5", 5), ("-1.5e3", -1500.0), ("true", True), ("null", None), ("05", "05"), ("1, 2", "1, 2"), ("", ""),
        ('"', '"'),
    ],
)  # fmt: skip
def test_outside_of_strings_a_value_is_one_value(value: str, read: object) -> None:
    assert json.loads(fill_json('{"n": {{N}}}', value_of(N=value))) == {"n": read}


def test_a_value_behind_a_backslash_in_json_is_refused() -> None:
    with pytest.raises(CannotPlace):
        fill_json('"\\{{A}}"', value_of(A="x"))


@given(a=VALUE, b=VALUE)
def test_a_url_has_the_value_as_one_part(a: str, b: str) -> None:
    try:
        url = fill_url("https://{{U}}:{{P}}@h/x/{{A}}/y?q={{B}}&r={{A}}#f{{B}}", value_of(A=a, B=b, U=a, P=b))
    except CannotPlace:
        assert a in (".", "..")
        return
    parts = urlsplit(url)
    assert (parts.hostname, parts.scheme) == ("h", "https")
    assert [unquote(p) for p in parts.path.split("/")] == ["", "x", a, "y"]
    assert parse_qs(parts.query, keep_blank_values=True) == {"q": [b], "r": [a]}
    sent = URL(url)  # as the agent's HTTP client reads it
    assert (sent.host, sent.query["q"], sent.query["r"]) == ("h", b, a)
    assert [unquote(p) for p in sent.raw_path.split("/")] == ["", "x", a, "y"]
    assert (sent.user or "", sent.password or "") == (a, b)


@pytest.mark.parametrize(
    ("template", "value", "url"),
    [
        ("{{A}}/users", "https://api.example.com", "https://api.example.com/users"),
        ("{{A}}/users", "https://api.example.com:8443/v1/", "https://api.example.com:8443/v1/users"),
        ("{{A}}", "http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://{{A}}/x", "example.com:81", "https://example.com:81/x"),
        ("https://{{A}}.example.com", "a-b", "https://a-b.example.com"),
        ("https://h/{{{{A}}", "x", "https://h/%7B%7BA%7D%7D"),
    ],
)
def test_a_host_or_a_base_url_can_be_a_value(template: str, value: str, url: str) -> None:
    assert fill_url(template, value_of(A=value)) == url


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{A}}/x", "https://user@evil"),
        ("{{A}}/x", "https://h?x="),
        ("{{A}}/x", "https://h#"),
        ("{{A}}/x", "file:///etc"),
        ("{{A}}/x", "api.example.com"),
        ("{{A}}/x", "https://h/ x"),
        ("{{A}}/x", "https://h\n"),
        ("https://{{A}}/x", "good@evil"),
        ("https://{{A}}/x", "evil/"),
        ("https://{{A}}/x", "evil#"),
        ("https://{{A}}/x", ""),
        ("https://{{A}}.example.com/x", "evil?"),
        ("https://h\\{{A}}@x/", "v\0"),
        ("https://h/a/{{A}}/b", ".."),
        ("https://h/a/.{{A}}", "."),
    ],
)
def test_a_value_never_changes_where_a_request_goes(template: str, value: str) -> None:
    with pytest.raises(CannotPlace):
        fill_url(template, value_of(A=value))


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\n", "\r", "\x00", "\x7f"])
def test_a_header_stays_one_header(value: str) -> None:
    with pytest.raises(CannotPlace):
        fill_header("Bearer {{A}}", value_of(A=value))


def test_a_header_takes_other_text() -> None:
    assert fill_header("Bearer {{A}}", value_of(A="é\t\"'")) == "Bearer é\t\"'"


@given(a=VALUE)
def test_a_body_is_filled_as_its_type_says(a: str) -> None:
    values = value_of(A=a)
    assert json.loads(fill_body('["{{A}}"]', values, JSON)) == [a]
    assert json.loads(fill_body(' {"a": "{{A}}"}', values, {})) == {"a": a}
    assert fill_body("{{A}}", values, {}) == a
    assert fill_body('{"a": "{{A}}"}', values, {"content-type": "text/plain"}) == f'{{"a": "{a}"}}'
    form = fill_body("x={{A}}&y=1", values, {"content-type": "application/x-www-form-urlencoded"})
    assert parse_qs(form, keep_blank_values=True) == {"x": [a], "y": ["1"]}
    if a.isprintable():
        xml = fill_body("<x y='{{A}}'>{{A}}</x>", values, {"Content-Type": "application/xml"})
        read = ElementTree.fromstring(xml)  # noqa: S314  made here
        assert (read.attrib["y"], read.text or "") == (a, a)


def test_a_value_is_put_in_once_and_what_it_holds_stays_text() -> None:
    assert fill_plain("{{A}} {{B}}", value_of(A="{{B}}", B="{{A}}{{{{A}}")) == "{{B}} {{A}}{{{{A}}"


@pytest.mark.parametrize("text", ["{{ A }}", "{{.Name}}", "{{A-B}}", "{{}}", "{A}", "{{params}}{"])
def test_other_braces_are_text(text: str) -> None:
    assert fill_plain(text, value_of(params="x")) == text.replace("{{params}}", "x")
