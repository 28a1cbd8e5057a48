"""Which addresses may be called, in every disguise that an address has."""

import ipaddress
import pickle

import pytest

from tocsin_shared.network import GUARDED, Reach, forms_of, groups_of, literal_address


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.0x0.0.01", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0", "0.0.0.0"),  # noqa: S104  compared, not bound
        ("\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127.0.0.1"),
        ("127\u30020\u30020\u30021", "127.0.0.1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[::FFFF:127.0.0.1]", "::ffff:127.0.0.1"),
    ],
)
def test_every_way_of_writing_an_address_is_read(written: str, meant: str) -> None:
    assert literal_address(written) == ipaddress.ip_address(meant)


@pytest.mark.parametrize(
    "name",
    ["example.org", "1.2.3.4.5", "256.1.1.1.", "127.0.0.1.example.org", "09.1.1.1", "1_2", "", "a", "-1"],
)
def test_a_name_is_no_address(name: str) -> None:
    assert literal_address(name) is None


@pytest.mark.parametrize(
    ("address", "groups"),
    [
        ("127.0.0.1", {"loopback"}),
        ("127.255.255.254", {"loopback"}),
        ("0.0.0.0", {"loopback"}),  # noqa: S104  compared, not bound
        ("0.1.2.3", {"loopback"}),
        ("::", {"loopback"}),
        ("::1", {"loopback"}),
        ("::127.0.0.1", {"loopback"}),
        ("::ffff:127.0.0.1", {"loopback"}),
        ("64:ff9b::7f00:1", {"loopback"}),
        ("64:ff9b:1::7f00:1", {"loopback", "reserved"}),
        ("2002:7f00:1::", {"loopback"}),
        ("169.254.1.1", {"link-local"}),
        ("fe80::1", {"link-local"}),
        ("169.254.169.254", {"link-local", "metadata"}),
        ("::ffff:169.254.169.254", {"link-local", "metadata"}),
        ("64:ff9b::a9fe:a9fe", {"link-local", "metadata"}),
        ("2002:a9fe:a9fe::", {"link-local", "metadata"}),
        ("169.254.170.2", {"link-local", "metadata"}),
        ("100.100.100.200", {"metadata", "private"}),
        ("168.63.129.16", {"metadata"}),
        ("192.0.0.192", {"metadata", "reserved"}),
        ("fd00:ec2::254", {"metadata", "private"}),
        ("fd20:ce::254", {"metadata", "private"}),
        ("10.0.0.1", {"private"}),
        ("172.31.255.255", {"private"}),
        ("192.168.0.1", {"private"}),
        ("100.64.0.1", {"private"}),
        ("100.127.255.255", {"private"}),
        ("198.18.0.1", {"private"}),
        ("::ffff:10.0.0.1", {"private"}),
        ("fc00::1", {"private"}),
        ("fec0::1", {"private"}),
        ("224.0.0.1", {"multicast"}),
        ("ff02::1", {"multicast"}),
        ("255.255.255.255", {"multicast", "reserved"}),
        ("240.0.0.1", {"reserved"}),
        ("192.0.2.1", {"reserved"}),
        ("2001:db8::1", {"reserved"}),
        ("100::1", {"reserved"}),
        ("4000::1", {"reserved"}),
        ("1.1.1.1", set()),
        ("172.32.0.1", set()),
        ("100.128.0.1", set()),
        ("11.0.0.1", set()),
        ("2606:4700::1111", set()),
        ("64:ff9b::101:101", set()),
        ("2002:101:101::", set()),
    ],
)
def test_an_address_is_of_the_kinds_that_it_leads_to(address: str, groups: set[str]) -> None:
    assert groups_of(ipaddress.ip_address(address)) == groups


def test_teredo_is_judged_by_its_server_and_by_its_client() -> None:
    client = ipaddress.IPv4Address("127.0.0.1")
    address = ipaddress.IPv6Address(
        (0x20010000 << 96) | (int(ipaddress.IPv4Address("1.1.1.1")) << 64) | (int(client) ^ 0xFFFFFFFF)
    )
    assert forms_of(address) == (address, ipaddress.IPv4Address("1.1.1.1"), client)
    assert groups_of(address) == {"loopback"}


@pytest.mark.parametrize(
    ("reach", "host", "address", "may"),
    [
        (Reach(), "x.example", "127.0.0.1", True),
        (Reach(), "x.example", "169.254.169.254", True),
        (Reach(deny=("metadata",)), "x.example", "169.254.169.254", False),
        (Reach(deny=("metadata",)), "x.example", "::ffff:169.254.169.254", False),
        (Reach(deny=("10.0.0.0/8",)), "x.example", "10.1.2.3", False),
        (Reach(deny=("10.0.0.0/8",)), "x.example", "64:ff9b::a01:203", False),
        (Reach(deny=("*.corp.example",)), "a.b.CORP.example.", "1.1.1.1", False),
        (Reach(deny=("*.corp.example",)), "corp.example", "1.1.1.1", True),
        (Reach(deny=("corp.example",)), "corp.example", "1.1.1.1", False),
        (GUARDED, "x.example", "127.0.0.1", False),
        (GUARDED, "x.example", "fe80::1", False),
        (GUARDED, "x.example", "100.100.100.200", False),
        (GUARDED, "x.example", "224.0.0.1", False),
        (GUARDED, "x.example", "10.0.0.1", True),
        (Reach("guarded", allow=("127.0.0.0/8",)), "x.example", "127.0.0.1", True),
        (Reach("guarded", allow=("127.0.0.0/8",)), "x.example", "::ffff:127.0.0.1", True),
        (Reach("guarded", allow=("127.0.0.0/8",)), "x.example", "::1", False),
        (Reach("guarded", allow=("loopback",)), "x.example", "::1", True),
        (Reach("guarded", allow=("loopback",), deny=("127.0.0.53",)), "x.example", "127.0.0.53", False),
        # A network that only translates does not stand for what is behind it.
        (Reach("guarded", allow=("64:ff9b::/96",)), "x.example", "64:ff9b::a9fe:a9fe", False),
        (Reach("guarded", allow=("sink.example",)), "sink.example", "127.0.0.1", True),
        (Reach("guarded", allow=("sink.example",)), "other.example", "127.0.0.1", False),
        (Reach("guarded", allow=("sink.example",)), "sink.example", "169.254.169.254", False),
        (Reach("public"), "x.example", "10.0.0.1", False),
        (Reach("public"), "x.example", "100.64.0.1", False),
        (Reach("public"), "x.example", "2001:db8::1", False),
        (Reach("public"), "x.example", "1.1.1.1", True),
        (Reach("public", allow=("10.9.0.0/16",)), "x.example", "10.9.0.1", True),
        (Reach("none"), "x.example", "1.1.1.1", False),
        (Reach("none", allow=("api.example",)), "api.example", "1.1.1.1", True),
        (Reach("none", allow=("api.example",)), "x.example", "1.1.1.1", False),
        (Reach("none", allow=("api.example",)), "api.example", "fd00:ec2::254", False),
        (Reach("none", allow=("1.1.1.0/24",)), "x.example", "1.1.1.1", True),
    ],
)
def test_deny_goes_before_allow_which_goes_before_the_default(
    reach: Reach, host: str, address: str, may: bool
) -> None:
    assert (reach.judge(host, ipaddress.ip_address(address)) is None) == may


@pytest.mark.parametrize(
    ("reach", "host", "is_refused"),
    [
        (GUARDED, "localhost", True),
        (GUARDED, "LOCALHOST.", True),
        (GUARDED, "a.localhost", True),
        (GUARDED, "metadata.google.internal", True),
        (GUARDED, "0x7f.1", True),
        (GUARDED, "[::ffff:7f00:1]", True),
        (GUARDED, "example.org", False),
        (Reach(), "localhost", False),
        (Reach("guarded", allow=("localhost",)), "localhost", False),
        (Reach("guarded", allow=("127.0.0.1",)), "localhost", False),
        (Reach("none"), "example.org", True),
        (Reach("none", allow=("example.org",)), "example.org", False),
    ],
)
def test_what_a_name_tells_is_told_before_anything_is_looked_up(
    reach: Reach, host: str, is_refused: bool
) -> None:
    assert (reach.refusal(host) is not None) == is_refused


def test_a_refusal_names_the_host_the_address_and_the_rule() -> None:
    reach = Reach(deny=("10.0.0.0/8",))
    assert reach.judge("db.example", ipaddress.ip_address("10.1.2.3")) == (
        "db.example (10.1.2.3) may not be called: the network policy denies '10.0.0.0/8'."
    )
    assert GUARDED.refusal("127.0.0.1") == (
        "127.0.0.1 may not be called: the network policy refuses loopback addresses."
    )


@pytest.mark.parametrize(
    "entry", ["10.0.0.1/8", "300.1.1.1", "10.0.0.0/40", "a b", "http://x", "*", "x.*", ""]
)
def test_what_is_no_place_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is not a network|is neither"):
        Reach(deny=(entry,))


def test_a_reach_can_be_handed_to_another_process() -> None:
    reach = Reach("none", allow=("example.org",))
    reach.refusal("example.org")
    assert pickle.loads(pickle.dumps(reach)) == reach  # noqa: S301  our own bytes
