"""What goes to the log: one event a line, and never the values that a program was working with."""

import pytest

from tocsin_shared.logs import LogFormat, configure_logging, log


def fail_with(secret: str) -> None:
    raise RuntimeError(f"failed with {len(secret)} characters")


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_tells_where_but_no_values(
    log_format: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format, "info")
    try:
        fail_with("hunter" + "2")
    except RuntimeError:
        log.exception("it_failed")
    told = capsys.readouterr().err
    assert "it_failed" in told
    assert "fail_with" in told
    assert "failed with 7 characters" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_may_hold_bytes_that_are_no_text(
    log_format: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format, "info")
    try:
        raise RuntimeError("no such file: odd\udcff")
    except RuntimeError:
        log.exception("it_failed")
    assert "no such file: odd\\" in capsys.readouterr().err


def test_nobody_forges_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    log.info("told", message="one\ntwo\x1b[31m")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "\x1b[31m" not in told
