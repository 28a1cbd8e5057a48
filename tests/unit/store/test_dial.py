"""A DSN with several hosts becomes one DSN per host."""

import pytest

from tocsin_controller.store.postgres.dial import one_dsn_per_host


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u:p@h/db", ["postgresql://u:p@h/db"]),
        (
            "postgresql://u:p@a:1,b:2/db?target_session_attrs=read-write",
            [
                "postgresql://u:p@a:1/db?target_session_attrs=read-write",
                "postgresql://u:p@b:2/db?target_session_attrs=read-write",
            ],
        ),
        ("postgresql://[::1]:1,[::2]:2/db", ["postgresql://[::1]:1/db", "postgresql://[::2]:2/db"]),
        (
            "postgresql://u@/db?host=/run/a,/run/b&port=1,2",
            ["postgresql://u@/db?host=%2Frun%2Fa&port=1", "postgresql://u@/db?host=%2Frun%2Fb&port=2"],
        ),
        ("postgresql:///db?host=a,b", ["postgresql:///db?host=a", "postgresql:///db?host=b"]),
        ("postgresql:///db", ["postgresql:///db"]),
        ("postgresql://h/db?connect_timeout=3", ["postgresql://h/db"]),
    ],
)
def test_each_host_gets_a_dsn_of_its_own(dsn: str, expected: list[str]) -> None:
    assert one_dsn_per_host(dsn) == expected


def test_ports_that_do_not_match_the_hosts_are_refused() -> None:
    with pytest.raises(ValueError, match="3 hosts and 2 ports"):
        one_dsn_per_host("postgresql:///db?host=a,b,c&port=1,2")
