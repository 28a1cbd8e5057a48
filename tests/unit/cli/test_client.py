"""How the CLI takes refusals, outages and broken connections, seen from the outside."""

from pathlib import Path

import pytest
from tests.net import free_port
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi, ok, refusal

HEALTHY = {"status": "ok", "version": "1"}


def test_nobody_listening_says_how_to_set_the_address(tocsin: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = tocsin("health", "--url", url)
    assert result.exit_code == 5
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert f"cannot reach {url} (connection refused)" in result.stderr
    assert "--url, TOCSIN_URL" in result.stderr


def test_a_missing_key_says_how_to_set_it(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/keys", refusal(401, "unauthorized", "A valid key is needed."))
    result = tocsin("keys", "ls")
    assert result.exit_code == 4
    assert "wants an API key; set it with TOCSIN_KEY" in result.stderr


def test_a_wrong_key_is_called_wrong(tocsin: Run, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_KEY", "secret-key")
    api.on("GET", "/api/keys", refusal(401, "unauthorized", "A valid key is needed."))
    result = tocsin("keys", "ls")
    assert result.exit_code == 4
    assert "refuses this API key" in result.stderr
    assert "secret-key" not in result.stderr


def test_a_role_that_may_not_is_exit_code_4_with_the_api_s_words(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/keys", refusal(403, "forbidden", "This key's role may not do that."))
    result = tocsin("keys", "ls")
    assert (result.exit_code, result.stderr) == (4, "Error: This key's role may not do that.\n")


def test_each_wrong_field_has_a_line(tocsin: Run, api: FakeApi) -> None:
    details = [{"field": "name", "reason": "too long"}, {"field": "task.command", "reason": "is empty"}]
    api.on("POST", "/api/jobs", refusal(400, "invalid_input", "2 fields are wrong", details=details))
    result = tocsin("jobs", "create", "a", "--command", " ")
    assert (result.exit_code, result.stderr) == (1, "Error: name: too long\ntask.command: is empty\n")


def test_a_controller_that_asks_for_patience_gets_it(tocsin: Run, api: FakeApi) -> None:
    busy = refusal(503, "unavailable", "The database is away.", Retry_After="0")
    api.on(
        "GET",
        "/api/health",
        busy,
        refusal(429, "too_many_requests", "Slow down.", Retry_After="0"),
        ok(HEALTHY),
    )
    result = tocsin("health")
    assert result.exit_code == 0
    assert len(api.seen) == 3


def test_patience_ends(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/health", refusal(503, "unavailable", "The database is away.", Retry_After="0"))
    result = tocsin("health")
    assert result.exit_code == 5
    assert "The database is away." in result.stderr
    assert len(api.seen) == 4


def test_a_repeated_trigger_carries_the_same_idempotency_key(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/jobs/a", ok({"id": "j1", "name": "a"}))
    busy = refusal(503, "unavailable", "Away.", Retry_After="0")
    api.on("POST", "/api/jobs/j1/trigger", busy, ok({"run_id": "r1"}, status=202))
    assert tocsin("run", "a").stdout == "r1\n"
    keys = [headers["Idempotency-Key"] for method, _, headers, _ in api.seen if method == "POST"]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_something_that_is_no_controller_is_called_that(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/health", ok(HEALTHY, status=500))
    result = tocsin("health")
    assert result.exit_code == 1
    assert "is that a Tocsin controller?" in result.stderr


def test_a_redirect_is_not_followed_with_the_key(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/health", refusal(301, "", "", Location="https://elsewhere.example"))
    result = tocsin("health")
    assert result.exit_code == 1
    assert "redirects to https://elsewhere.example" in result.stderr


def test_the_key_is_sent_as_a_bearer_token(tocsin: Run, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k1\n")
    api.on("GET", "/api/health", ok(HEALTHY))
    tocsin("health", "--key-file", str(tmp_path / "key"))
    assert api.seen[0][2]["Authorization"] == "Bearer k1"


def test_a_key_on_the_command_line_works_with_a_warning(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/health", ok(HEALTHY))
    result = tocsin("--key", "k1", "health")
    assert result.exit_code == 0
    assert "TOCSIN_KEY or --key-file" in result.stderr


def test_json_is_what_the_api_sent(tocsin: Run, api: FakeApi) -> None:
    api.on("GET", "/api/health", ok({"status": "ok", "zebra": [1.5, None], "apple": "é"}))
    assert tocsin("health", "-o", "json").stdout == '{"status":"ok","zebra":[1.5,null],"apple":"é"}\n'


def test_names_with_slashes_and_spaces_reach_the_api_whole(tocsin: Run, api: FakeApi) -> None:
    tocsin("jobs", "show", "a b/../c?d")
    assert api.seen[0][1] == "/api/jobs/a b/../c?d"
