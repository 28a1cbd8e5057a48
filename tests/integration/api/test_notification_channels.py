"""Channels of notifications: their settings keep secrets, and messages get through them to real servers."""

import ssl
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest
import trustme
from tests.integration.api.conftest import Api, Serve, Served
from tests.integration.api.test_connections import KEY
from tests.services.sinks import eventually, mail_sink, web_sink

from tocsin_controller.hints import MESSAGES, Hints
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.security.sealing import Vault
from tocsin_controller.security.vault_keys import check_keys, rotate, vault_from
from tocsin_controller.services.fleet_settings import FleetSettings
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_controller.workflow.couriers import Courier, outside
from tocsin_controller.workflow.notifying import mailing
from tocsin_controller.workflow.notifying.messages import (
    MESSAGE,
    About,
    HookCall,
    Mail,
    Message,
    WebCall,
    send_soon,
)
from tocsin_controller.workflow.notifying.sending import Messages
from tocsin_shared.ids import new_id
from tocsin_shared.network import Reach

PASSWORD = "hunter2-mail"
OTHER_KEY = "b" * 64
UNPRINTABLE = "550 niemand hier: M\xfcller\0".encode("latin-1")


@pytest.fixture
async def served(serve: Serve, database: Database) -> AsyncIterator[Served]:
    """A controller that may send to this host, with an encryption key."""
    async with serve(encryption_key=KEY, network_allow=["loopback"]) as running:
        await check_keys(database, running.engine.vault)
        yield running


@pytest.fixture
def api(served: Served) -> Api:
    return served.api


async def put(api: Api, **settings: Any) -> None:
    await api.put("/api/settings", {f"notification_{key}": value for key, value in settings.items()})


def email(port: int, **more: Any) -> dict[str, Any]:
    return {"smtp_host": "127.0.0.1", "smtp_port": port, "from": "tocsin@example.org", "tls": False, **more}


async def say(served: Served, database: Database, *messages: Message, about: About | None = None) -> None:
    async with database.transaction() as session:
        await send_soon(session, messages, about or About())
    served.engine.hints.hint(MESSAGES)


async def _note_and_fail(database: Database, message: Message) -> None:
    async with database.transaction() as session:
        await send_soon(session, [message])
        raise ZeroDivisionError


async def events(api: Api, kind: str) -> list[dict[str, Any]]:
    return [e for e in (await api.get("/api/events"))["data"] if e["kind"] == kind]


async def test_secrets_of_channels_are_shown_to_nobody_and_kept_by_their_mask(
    api: Api, database: Database, connection: asyncpg.Connection
) -> None:
    channel = email(25, username="u", password=PASSWORD)
    await put(
        api, email=channel, webhook={"url": "https://hooks.example/T0KEN", "headers": {"X-A": "s3cret"}}
    )
    shown = await api.get("/api/settings")
    assert orjson.loads(shown["notification_email"]) == channel | {"password": "********"}
    masked = {"url": "********", "headers": {"X-A": "********"}}
    assert orjson.loads(shown["notification_webhook"]) == masked
    rows = await connection.fetch("SELECT value, sealed FROM settings")
    audit = await connection.fetch("SELECT details, changes FROM audit_log")
    exported = await api.get("/api/data/export")
    for secret in (PASSWORD, "T0KEN", "s3cret"):
        assert secret not in f"{rows} {audit} {exported}"
    await put(api, email=orjson.loads(shown["notification_email"]) | {"username": "v"})
    whole = await api.get("/api/data/export?include_secrets=true")
    assert orjson.loads(whole["settings"]["notification_email"]) == channel | {"username": "v"}
    assert (await rotate(database, vault_from(f"{OTHER_KEY},{KEY}", None))).resealed == 2


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("email", {"smtp_host": "h"}, ""),
        ("email", {"smtp_host": "h", "from": "a@b.c\r\nBcc: x@y.z"}, ".from"),
        ("email", {"smtp_host": "h", "from": "a@b.c", "password": "********"}, ".password"),
        ("email", {"smtp_host": "h", "connection": "c", "from": "a@b.c"}, ""),
        ("sms", {"webhook_url": "ftp://h/"}, ".webhook_url"),
        ("webhook", {"url": "https://h/", "format": "carrier-pigeon"}, ".format"),
        ("webhook", {"url": "https://h/", "format": "pagerduty"}, ""),
        ("webhook", {"url": "https://h/", "headers": {"X": "a\r\nY: b"}}, ".headers"),
        ("recipients", {"emails": ["nobody"]}, ".emails.0"),
        ("recipients", {"phones": ["+12 CALL ME"]}, ".phones.0"),
        ("recipients", "[]", ""),
    ],
)
async def test_bad_settings_are_refused_with_their_place(api: Api, key: str, value: Any, field: str) -> None:
    answer = await api.call("PUT", "/api/settings", {f"notification_{key}": value})
    assert (answer.status, answer.json["details"][0]["field"]) == (400, f"notification_{key}{field}")


async def test_only_admins_say_where_channels_lead(api: Api) -> None:
    operator = api.as_role("operator")
    recipients = {"notification_recipients": {"emails": ["ops@example.org"]}}
    assert (await operator.call("PUT", "/api/settings", recipients)).status == 200
    channel = {"notification_email": email(25)}
    assert (await operator.call("PUT", "/api/settings", channel)).status == 403


async def test_a_test_goes_through_every_channel(api: Api) -> None:
    silent = await api.post("/api/notifications/test")
    assert silent == {"status": "error", "message": "no channel is switched on"}
    async with mail_sink(PASSWORD) as mails, web_sink() as web:
        await put(
            api,
            email=email(mails.port, username="u", password=PASSWORD),
            sms={"webhook_url": web.url + "/sms", "auth_user": "sid", "auth_pass": "t", "from_number": "+1"},
            webhook={"url": web.url, "format": "slack"},
            recipients={"emails": ["ops@example.org", "dev@example.org"], "phones": ["+1 (234) 567-890"]},
        )
        assert await api.post("/api/notifications/test") == {
            "status": "ok",
            "message": "email: sent; sms: sent; webhook: sent",
        }
        assert [to for to, _ in mails.mails] == [["ops@example.org"], ["dev@example.org"]]
        assert mails.mails[0][1]["From"] == "tocsin@example.org"
        (sms, sms_body), (_, hook_body) = web.requests
        assert (
            sms_body == b"To=%2B1234567890&From=%2B1&Body=This+is+a+test%3A+notifications+of+Tocsin+get+here."
        )
        assert sms.headers["Authorization"] == "Basic c2lkOnQ="
        assert orjson.loads(hook_body)["text"].startswith("*[Tocsin] Test*\n")
        await put(api, email=email(mails.port, username="u", password="wrong"), sms="")
        tried = await api.post("/api/notifications/test")
    assert tried["status"] == "error"
    assert "refused the login" in tried["message"]
    assert "webhook: sent" in tried["message"]


async def test_a_test_says_what_went_wrong_even_where_that_is_no_text_or_no_host(api: Api) -> None:
    async with mail_sink() as mails:
        mails.refusals = {"ops@example.org": UNPRINTABLE}
        await put(api, email=email(mails.port), recipients={"emails": ["ops@example.org"]})
        tried = await api.post("/api/notifications/test")
    assert tried["status"] == "error"
    assert "550 niemand hier: M" in tried["message"]
    await put(api, email={**email(25), "smtp_host": "mail..example.org"})
    tried = await api.post("/api/notifications/test")
    assert "Could not connect to mail server at mail..example.org:25" in tried["message"]


async def test_a_mail_that_was_taken_is_sent_whatever_the_server_says_to_goodbye(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "LONGEST_SECS", 5.0)
    async with mail_sink() as mails:
        mails.ignores_quit = True
        await put(api, email=email(mails.port), recipients={"emails": ["ops@example.org"]})
        assert await api.post("/api/notifications/test") == {"status": "ok", "message": "email: sent"}
    assert len(mails.mails) == 1


async def test_a_channel_encrypts_or_sends_nothing(
    served: Served, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    offered = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(offered)
    async with mail_sink(tls=offered) as private, mail_sink() as open_to_all:
        await put(served.api, recipients={"emails": ["ops@example.org"]})
        await put(served.api, email=email(open_to_all.port, tls=True))
        tried = await served.api.post("/api/notifications/test")
        assert "Could not connect" in tried["message"]
        await put(served.api, email=email(private.port, tls=True))
        assert (await served.api.post("/api/notifications/test"))["status"] == "ok"
    assert (open_to_all.mails, private.encrypted) == ([], [True])


async def test_messages_are_sent_once_their_transaction_has_committed(
    served: Served, database: Database
) -> None:
    async with mail_sink() as mails, web_sink() as web:
        await put(served.api, email=email(mails.port), webhook={"url": web.url})
        mail = Mail("ops@example.org", "Job 'ü' failed\r\nBcc: x@y.z", "Grüße\n.\n")
        call = WebCall(web.url + "/own", "{}", {"Authorization": "t"}, "PUT")
        hook = HookCall("subject", "body", "error", {"job": "j"})
        with pytest.raises(ZeroDivisionError):
            await _note_and_fail(database, mail)
        await say(served, database, mail, call, hook, about=About(job_name="ü"))
        await eventually(lambda: bool(mails.mails) and len(web.requests) == 2)
        ((to, got),) = mails.mails
        assert to == ["ops@example.org"]
        assert (got["Subject"], got["Bcc"]) == ("Job 'ü' failed Bcc: x@y.z", None)
        assert got.get_content().replace("\r\n", "\n") == "Grüße\n.\n"
        assert {request.method for request, _ in web.requests} == {"PUT", "POST"}
        assert len({request.headers["Idempotency-Key"] for request, _ in web.requests}) == 2
        body = next(orjson.loads(body) for request, body in web.requests if request.method == "POST")
        del body["timestamp"]
        assert body == {
            "subject": "subject", "body": "body", "source": "tocsin", "severity": "error", "job": "j",
        }  # fmt: skip
        told: list[str] = []
        while len(told) < 3:
            told = sorted(e["message"] for e in await events(served.api, "notification.sent"))
    assert told == [
        "A call of the fleet's webhook about job 'ü' was sent",
        "A mail to ops@example.org about job 'ü' was sent",
        "A web request about job 'ü' was sent",
    ]


async def test_what_can_not_be_sent_is_tried_again_and_given_up(
    database: Database, connection: asyncpg.Connection
) -> None:
    reach, vault, hints = Reach(deny=("169.254.0.0/16",)), Vault(), Hints(database)
    configured = ControllerSettings.load(None, database_url="postgresql://nowhere")
    admin = Principal(new_id(), "admin", Role.ADMIN)
    courier = Courier(database, hints, reach, Messages(database, vault, reach), first_wait_secs=0.001)
    async with mail_sink() as mails, web_sink(503, 503, 204) as web, outside(reach) as http:
        mails.refusals = {"gone@example.org": "550 nobody here", "later@example.org": "451 busy"}
        mails.refusals["strange@example.org"] = UNPRINTABLE
        channel = orjson.dumps(email(mails.port)).decode()
        await FleetSettings(database, configured, vault).change({"notification_email": channel}, admin)
        async with database.transaction() as session:
            to = ("gone@example.org", "later@example.org", "strange@example.org")
            calls = [WebCall(url, "{}") for url in (web.url, "http://169.254.169.254/")]
            await send_soon(session, [*(Mail(one, "s", "t") for one in to), *calls])
            await add_to_outbox(session, MESSAGE, [{"type": "pigeon", "about": {}}])
        while await connection.fetchval("SELECT count(*) FROM outbox"):
            await courier.once(http)
        assert (len(web.requests), mails.calls) == (3, 2 + Messages.most_tries)
    rows = await connection.fetch("SELECT message, details FROM events WHERE kind = 'notification.failed'")
    failed = {row["message"]: row["details"] for row in rows}
    assert "550 nobody here; tried 1 times" in failed.pop("A mail to gone@example.org could not be sent")
    assert "550 niemand hier: M" in failed.pop("A mail to strange@example.org could not be sent")
    assert f"tried {Messages.most_tries} times" in failed.pop("A mail to later@example.org could not be sent")
    assert "169.254.169.254" in failed.pop("A web request could not be sent")
    assert "does not know" in failed.pop("A message could not be sent")
    assert failed == {}
