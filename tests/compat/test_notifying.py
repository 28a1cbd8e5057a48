"""Owners of Dkron's jobs get mail, its webhook its payload, and Krafter's failures are told: by real servers."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.compat.conftest import a_controller
from tests.integration.api.test_connections import KEY
from tests.services.sinks import eventually, mail_sink, web_sink

from tocsin_controller.compat.dkron.owners import changed_mail
from tocsin_controller.store.database import Database
from tocsin_controller.workflow.notifying.formats import template_request
from tocsin_shared.dkron.owners import mail_to
from tocsin_shared.notifications import TEMPLATE_NAMES, WebhookChannel

PAYLOAD = '{"text": "{{.JobName}} {{ .Success }} on {{.NodeName}}: {{.Output}}", "at": "{{.FinishedAt}}"}'


async def test_ends_are_told_as_clients_of_dkron_and_krafter_expect(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    more: dict[str, Any] = {"state_dir": str(tmp_path), "network_default": "all", "encryption_key": KEY}
    async with (
        mail_sink() as mails,
        web_sink() as hook,
        a_controller(database, database_url=database_url, **more) as controller,
    ):
        call = controller.call
        job = {
            "name": "report", "schedule": "@manually", "tags": {"server": "true"}, "owner_email": "ann@example.org",
            "executor": "shell", "executor_config": {"command": "echo 'say \"hi\"'", "shell": "true"},
        }  # fmt: skip
        await call("POST", "/v1/jobs", job)
        assert (await call("GET", "/api/jobs/report"))["notifications"] is None, "there is no mail server yet"
        email = {"smtp_host": "127.0.0.1", "smtp_port": mails.port, "from": "dkron@example.org", "tls": False}
        webhook = {"url": hook.url, "format": "template", "payload": PAYLOAD, "headers": {"X-Team": "a"}}
        settings = {"notification_email": email, "notification_webhook": webhook}
        await call("PUT", "/api/settings", settings)
        await call("POST", "/v1/jobs", job)
        await call("POST", "/v1/jobs/report")
        await eventually(lambda: bool(mails.mails and hook.requests))
        ((to, mail),) = mails.mails
        assert to == ["ann@example.org"]
        assert 'say "hi"' in mail.get_content()
        request, body = hook.requests[0]
        sent = orjson.loads(body)
        assert sent["text"].startswith("report true on ")
        assert sent["text"].endswith(': say "hi"\n')
        assert sent["at"]
        assert (request.headers["X-Team"], request.headers["Content-Type"]) == ("a", "application/json")

        krafter = {
            "name": "broken", "schedule_type": "interval", "schedule": "every_24h", "url": "http://127.0.0.1:1/",
            "max_retries": 0, "failure_notify": True,
        }  # fmt: skip
        made = (await call("POST", "/api/v1/cron/jobs", krafter))["data"]
        assert made["failure_notify"] is True
        one = f"/api/v1/cron/jobs/{made['id']}"
        await call("POST", f"{one}/trigger")
        await eventually(lambda: len(hook.requests) == 2)
        assert orjson.loads(hook.requests[1][1])["text"].startswith("broken false on ")
        quiet = (await call("PATCH", one, {"failure_notify": False}))["data"]
        assert quiet["failure_notify"] is False
        assert (await call("GET", f"/api/jobs/{made['id']}"))["notifications"] is None


@pytest.mark.parametrize("payload", ["{{.Secret}}", "{{if .Success}}x{{end}}", "{{ JobName }}", None])
def test_a_payload_with_unknown_words_is_refused(payload: str | None) -> None:
    with pytest.raises(ValueError, match="payload"):
        WebhookChannel.model_validate(
            {"url": "http://example.org/", "format": "template", "payload": payload}
        )


def test_only_in_json_what_is_put_in_is_escaped() -> None:
    values = dict.fromkeys(TEMPLATE_NAMES, 'a"b')
    for content_type, body in (
        ("application/json; charset=utf-8", rb'{"x": "a\"b"}'),
        ("text/plain", b'{"x": "a"b"}'),
    ):
        channel = WebhookChannel.model_validate(
            {
                "url": "http://example.org/",
                "format": "template",
                "payload": '{"x": "{{ .Report }}"}',
                "headers": {"content-type": content_type},
            }
        )
        assert template_request(channel, values) == (body, {"content-type": content_type})


def test_what_was_said_of_notifications_elsewhere_stays_until_the_owner_changes() -> None:
    mine, ann, bob = {"on_failure": True}, mail_to("ann@example.org"), mail_to("bob@example.org")
    assert mail_to("the ops team") is None
    assert changed_mail(mine, "ann@example.org", "ann@example.org", can_mail=True) == {}
    assert changed_mail(None, "ann@example.org", "ann@example.org", can_mail=True) == {"notifications": ann}
    assert changed_mail(None, "ann@example.org", "", can_mail=False) == {}
    assert changed_mail(ann, "bob@example.org", "ann@example.org", can_mail=True) == {"notifications": bob}
    assert changed_mail(ann, "", "ann@example.org", can_mail=True) == {"notifications": None}
    assert changed_mail(mine, "", "ann@example.org", can_mail=True) == {}
