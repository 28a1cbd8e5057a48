"""What could not be done after many tries is shown to admins, who have it tried again or forget it."""

import asyncpg
from tests.integration.api.conftest import Api

from tocsin_controller.security.roles import Role


async def set_aside(connection: asyncpg.Connection, kind: str = "of a newer release") -> str:
    """An entry that was given up."""
    question = (
        "INSERT INTO outbox (kind, payload, attempts, last_error, set_aside_at) "
        "VALUES ($1, '{\"run_id\": \"r\"}', 16, 'KeyError: x', now()) RETURNING id"
    )
    return str(await connection.fetchval(question, kind))


async def test_what_was_set_aside_is_tried_again_when_an_admin_says_so(
    api: Api, connection: asyncpg.Connection
) -> None:
    entry_id = await set_aside(connection)
    await connection.execute("INSERT INTO outbox (kind, payload) VALUES ('of a newer release', '{}')")
    (shown,) = await api.get("/api/admin/outbox")
    assert (shown["id"], shown["kind"], shown["attempts"]) == (entry_id, "of a newer release", 16)
    assert (shown["payload"], shown["last_error"]) == ({"run_id": "r"}, "KeyError: x")
    assert await api.post(f"/api/admin/outbox/{entry_id}/retry") == {"status": "ok"}
    assert await api.get("/api/admin/outbox") == []
    row = await connection.fetchrow("SELECT attempts, set_aside_at FROM outbox WHERE id = $1", shown["id"])
    assert row is not None
    assert tuple(row) == (0, None)
    answer = await api.call("POST", f"/api/admin/outbox/{entry_id}/retry")
    assert answer.status == 404, "it waits now like any other"
    (told,) = (await api.get("/api/audit-log?operation=outbox.retried"))["data"]
    assert (told["resource_id"], told["details"]) == (entry_id, "of a newer release")


async def test_what_was_set_aside_can_be_given_up_for_good(api: Api, connection: asyncpg.Connection) -> None:
    entry_id = await set_aside(connection)
    for role in (Role.OPERATOR, Role.VIEWER):
        stranger = api.as_role(role)
        assert (await stranger.call("DELETE", f"/api/admin/outbox/{entry_id}")).status == 403
    assert (await api.call("DELETE", f"/api/admin/outbox/{entry_id}")).status == 204
    assert (await api.call("DELETE", f"/api/admin/outbox/{entry_id}")).status == 404
    assert (await api.call("DELETE", "/api/admin/outbox/nothing")).status == 404
    assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
