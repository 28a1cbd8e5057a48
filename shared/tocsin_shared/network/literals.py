"""Hosts that are addresses, in every way of writing them that a resolver takes."""

import ipaddress
import re
import unicodedata

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: A part of an IPv4 address as the C library reads it: hexadecimal, octal or decimal.
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


def plain_name(host: str) -> str:
    """A host as it is compared: lower case, no brackets, no final dot, no look-alikes of ASCII characters."""
    folded = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    return folded.strip().lower().strip("[]").rstrip(".")


def literal_address(host: str) -> Address | None:
    """The address that a host is, if it is one: `127.0.0.1`, `[::1]`, `fe80::1%eth0`, but also `0x7f.1`."""
    name = plain_name(host).partition("%")[0]
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return _odd_ipv4(name)


def _odd_ipv4(name: str) -> Address | None:
    """One to four numbers, the last of which fills all the bytes that are left: as inet_aton(3) reads them."""
    parts = name.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *high, last = (_number(part) for part in parts)
    except ValueError:
        return None
    if any(n > 255 for n in high) or last >= 256 ** (5 - len(parts)):
        return None
    return ipaddress.IPv4Address(last + sum(n << (8 * (3 - place)) for place, n in enumerate(high)))


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") else 10)
