"""Settings of the whole fleet: known ones only, checked, told, and acting."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve, Served

from tocsin_controller.store.database import Database
from tocsin_controller.store.partitions import ensure_partitions, partition_name


async def test_what_is_set_wins_over_the_configuration_until_it_is_emptied(serve: Serve) -> None:
    async with serve(retention_days=30) as served:
        api = served.api
        configured = await api.get("/api/settings")
        assert configured == {"retention_days": "30", "audit_retention_days": "90"}
        assert await api.put("/api/settings", {"retention_days": "14"}) == {"status": "ok"}
        assert await api.get("/api/settings") == {**configured, "retention_days": "14"}
        await api.put("/api/settings", {"retention_days": 7, "audit_retention_days": "365"})
        await api.put("/api/settings", {"retention_days": ""})
        assert await api.get("/api/settings") == {**configured, "audit_retention_days": "365"}
        told = [r["details"] for r in (await api.get("/api/audit-log?operation=settings.updated"))["data"]]
        assert told == [
            "retention_days: 7 -> 30",
            "retention_days: 14 -> 7; audit_retention_days: 90 -> 365",
            "retention_days: 30 -> 14",
        ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"retention_days": "many"}, "retention_days"),
        ({"retention_days": "-1"}, "retention_days"),
        ({"retention_days": "99999999999999999999"}, "retention_days"),
        ({"retention_days": "٣"}, "retention_days"),
        ({"audit_retention_days": "36501"}, "audit_retention_days"),
        ({"retention_day": "7"}, "retention_day"),
        ({"retention_days": True}, "retention_days"),
        ({"retention_days": None}, "retention_days"),
        ({"retention_days": {"a": 1}}, "retention_days"),
        ({"notification_recipients": '{"a":' * 1_000 + "1" + "}" * 1_000}, "notification_recipients"),
    ],
)
async def test_one_bad_setting_changes_none(api: Api, change: dict[str, object], field: str) -> None:
    before = await api.get("/api/settings")
    answer = await api.call("PUT", "/api/settings", {"audit_retention_days": "1", **change})
    assert answer.status == 400
    assert [d["field"] for d in answer.json["details"]] == [field]
    assert await api.get("/api/settings") == before


async def test_operators_may_not_shorten_the_audit_log(api: Api) -> None:
    operator = api.as_role("operator")
    await operator.put("/api/settings", {"retention_days": "14"})
    assert (await operator.call("PUT", "/api/settings", {"audit_retention_days": "1"})).status == 403
    assert (await api.as_role("viewer").call("PUT", "/api/settings", {"retention_days": "1"})).status == 403


async def test_retention_acts(served: Served, database: Database, connection: asyncpg.Connection) -> None:
    today = datetime.now(UTC).date()
    async with database.transaction() as session:
        await ensure_partitions(session, today - timedelta(days=20))
    await connection.execute(
        "INSERT INTO audit_log (id, at, actor_key_name, operation, resource_type)"
        "VALUES ('00000000-0000-7000-8000-000000000001', now() - interval '20 days', 'a', 'test.old', 'test')"
    )
    await served.api.put("/api/settings", {"retention_days": "18", "audit_retention_days": "21"})
    await served.engine.maintenance.once()

    async def exists(days_ago: int) -> bool:
        name = partition_name("runs", today - timedelta(days=days_ago))
        return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name))

    old_rows = "SELECT count(*) FROM audit_log WHERE operation = 'test.old'"
    assert [await exists(days) for days in (20, 19, 18)] == [False, False, True]
    assert await connection.fetchval(old_rows) == 1
    await served.api.put("/api/settings", {"retention_days": "0", "audit_retention_days": "19"})
    await served.engine.maintenance.once()
    assert await exists(18)
    assert await connection.fetchval(old_rows) == 0
