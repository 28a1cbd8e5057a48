"""Settings that can't work together are refused before anything starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tocsin_controller.cli import main
from tocsin_controller.cli_base import EXIT_BAD_CONFIGURATION


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"lease_secs": 20, "heartbeat_secs": 10}, ("lease_secs", "heartbeat_secs")),
        ({"lost_grace_secs": 5, "heartbeat_secs": 10}, ("lost_grace_secs", "heartbeat_secs")),
        ({"poll_wait_secs": 90}, ("poll_wait_secs", "60")),
        ({"trusted_proxies": '"10.0.0.0/99"'}, ("trusted_proxies", "10.0.0.0/99")),
        ({"dkron_origins": '"https://ui.example.org/"'}, ("dkron_origins", "https://ui.example.org/")),
        ({"dkron_origins": '"*"'}, ("dkron_origins", "'*'")),
        ({"output_directories": '"/srv/a, logs"'}, ("output_directories", "'logs'")),
        ({"output_syslog": '"tcp://h:1"'}, ("output_syslog", "/dev/log")),
        ({"output_fluent": '"h:24224"'}, ("output_fluent", "tcp://host:24224/tag")),
        ({"tls_cert": '"cert.pem"'}, ("tls_cert", "tls_key")),
    ],
)
def test_settings_that_break_a_rule_are_refused_in_one_line(
    settings: dict[str, object], named: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "controller.toml"
    lines = ['database_url = "postgresql://nowhere/tocsin"', *(f"{k} = {v}" for k, v in settings.items())]
    file.write_text("\n".join(lines))
    refused = CliRunner().invoke(main, ["serve", "--config", str(file)])
    assert refused.exit_code == EXIT_BAD_CONFIGURATION
    assert refused.output.count("\n") == 1
    assert all(name in refused.output for name in named)
