"""Whose request it is: what trusted proxies say, and nobody else."""

import pytest

from tocsin_controller.api.peers import Peers, parse_networks

PEERS = Peers(parse_networks(["10.0.0.0/8", "192.0.2.1", "fd00::/8"]))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),  # anybody may write that
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1",), "198.51.100.1"),  # the left one is the caller's word
        ("10.0.0.1", ("198.51.100.1, 192.0.2.1",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1", "192.0.2.1"), "198.51.100.1"),
        ("10.0.0.1", ("10.1.1.1, 10.2.2.2",), "10.1.1.1"),
        ("10.0.0.1", ("198.51.100.1, nonsense",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("fd00::1", ("[2001:db8::7]:4711",), "2001:db8::7"),
        ("fd00::1", ("2001:db8::7",), "2001:db8::7"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", (", ".join(["10.1.1.1"] * 10_000),), "10.1.1.1"),
        (None, ("198.51.100.1",), None),
        ("/run/socket", (), "/run/socket"),
    ],
)
def test_an_address_is_the_first_that_no_trusted_proxy_has(
    peer: str | None, forwarded_for: tuple[str, ...], address: str | None
) -> None:
    assert PEERS.address_of(peer, forwarded_for) == address


def test_without_trusted_proxies_no_header_is_believed() -> None:
    assert Peers().address_of("127.0.0.1", ["198.51.100.1"]) == "127.0.0.1"
