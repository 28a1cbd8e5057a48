"""What counts as the address of a web server."""

import pytest

from tocsin_shared.ai import is_base_url
from tocsin_shared.web_addresses import is_open_web_address, is_web_address


@pytest.mark.parametrize(
    "value", ["http://h", "HTTPS://h:8443/a?b=c#d", "http://[::1]:80/", "http://h\u00f6st/"]
)
def test_urls_of_web_servers_are_taken_as_they_are(value: str) -> None:
    assert is_web_address(value) == is_open_web_address(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "h",
        "ftp://h/",
        "http://",
        "http://:80",
        "http://h:x/",
        "http://h:99999/",
        "http://[::1/",
        "http://h/a b",
    ],
)
def test_anything_else_is_refused_without_being_shown(value: str) -> None:
    for check in (is_web_address, is_open_web_address):
        with pytest.raises(ValueError, match=r"^must be an http:// or https:// URL$"):
            check(value)


@pytest.mark.parametrize("value", ["http://u@h", "http://u:p@h", "http://:p@h"])
def test_credentials_are_refused_where_they_would_be_shown(value: str) -> None:
    assert is_web_address(value) == value
    with pytest.raises(ValueError, match="name or a password"):
        is_open_web_address(value)
    with pytest.raises(ValueError, match="without credentials"):
        is_base_url(value)
