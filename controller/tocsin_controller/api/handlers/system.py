"""Routes about events, keys, schedules and the controller itself."""

import asyncio
from importlib.metadata import version
from typing import Annotated, Any
from uuid import UUID

from aiohttp import web
from aiohttp_sse import sse_response
from pydantic import BaseModel, BeforeValidator, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.paging import COUNT_CAP, PageQuery, page_of
from tocsin_controller.api.table import Call, Route
from tocsin_controller.hints import EVENTS, KEYS
from tocsin_controller.scheduling.preview import preview
from tocsin_controller.security.roles import ADMINS, EVERYONE, READERS, Role
from tocsin_controller.security.secrets import new_secret
from tocsin_controller.services.show import as_uuid, show_event
from tocsin_controller.store import history
from tocsin_controller.store.events import NewEvent, add_events, events_after, list_events, newest_event_id
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.keys import NewKey, StoredKey, insert_key, list_keys, revoke_key
from tocsin_shared.errors import Conflict, InvalidInput, NotFound, Unavailable
from tocsin_shared.schedules import Preview, PreviewRequest
from tocsin_shared.wire import Instant, Name, UserModel, dumps

POLL_SECS = 0.5


class EventsQuery(PageQuery):
    """Which events."""

    per_page: Annotated[
        int, BeforeValidator(lambda v: min(int(v), 100) if str(v).isdecimal() else v), Field(ge=1)
    ] = 50
    since: Instant | None = None


class FeedQuery(BaseModel):
    """Where the feed goes on, for clients that can't send the Last-Event-ID header."""

    last_event_id: str | None = None


class KeyCreate(UserModel):
    """A new key."""

    name: Name
    role: Role
    expires_at: Instant | None = None


class SystemRoutes:
    """Everything that is about no job and no agent."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._hints = parts.engine.hints
        self._keyring = parts.keyring

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route("GET", "/api/health", self.health, "Whether the controller is well", None, "system"),
            Route("GET", "/api/health/ready", self.ready, "503 while the database is away", None, "system"),
            Route("GET", "/api/config", self.config, "What clients may show", None, "system"),
            Route("GET", "/api/auth/me", self.me, "Whose key this is", EVERYONE, "system"),
            Route("GET", "/api/events", self.events, "What happened", READERS, "events", query=EventsQuery),
            Route(
                "GET", "/api/events/stream", self.feed, "What happens (SSE)", READERS, "events", query=FeedQuery,
                media_type="text/event-stream",
            ),
            Route("GET", "/api/keys", self.keys, "List keys", ADMINS, "keys"),
            Route("POST", "/api/keys", self.create_key, "Create a key", ADMINS, "keys", body=KeyCreate),
            Route("DELETE", "/api/keys/{id}", self.revoke, "Revoke a key for good", ADMINS, "keys", status=204),
            Route(
                "POST", "/api/schedules/preview", self.preview, "The coming fires of a schedule", READERS,
                "schedules", body=PreviewRequest, response=Preview,
            ),
        ]  # fmt: skip

    async def health(self, call: Call) -> Any:
        try:
            async with asyncio.timeout(3):
                db = {"ok": True, "size_bytes": await history.database_size(self._db)}
        except (Unavailable, TimeoutError):
            db = {"ok": False}
        status = "ok" if db["ok"] else "degraded"
        return {"status": status, "version": version("tocsin-controller"), "db": db}

    async def ready(self, call: Call) -> Any:
        async with asyncio.timeout(3):
            await read_clock(self._db)
        return {"status": "ready"}

    async def config(self, call: Call) -> Any:
        return {"demo_mode": False, "ai_enabled": False}

    async def me(self, call: Call) -> Any:
        caller = call.caller
        return {
            "authenticated": True,
            "auth_type": "api_key",
            "name": caller.name,
            "role": caller.role.value,
            "key_id": caller.key_id,
            "key_prefix": caller.key_prefix,
            "agent_id": caller.agent_id,
        }

    async def events(self, call: Call) -> Any:
        query: EventsQuery = call.query
        before = as_uuid(query.after) if query.after else None
        if query.after and before is None:
            raise InvalidInput.field("after", "is not the `next` of an earlier page")
        page = await list_events(
            self._db,
            since=query.since,
            before=before,
            offset=query.offset,
            limit=query.per_page,
            cap=COUNT_CAP,
        )
        cursor = str(page.rows[-1]["id"]) if page.rows else None
        return page_of([show_event(row) for row in page.rows], query, page.total, next_cursor=cursor)

    async def feed(self, call: Call) -> web.StreamResponse:
        given = call.request.headers.get("Last-Event-ID") or call.query.last_event_id
        last = (as_uuid(given) if given else None) or await newest_event_id(self._db) or UUID(int=0)
        async with sse_response(call.request, sep="\n") as response:
            with self._hints.watch(EVENTS) as woken:
                while response.is_connected():
                    woken.clear()
                    for row in await events_after(self._db, last, 200):
                        last = row["id"]
                        await response.send(dumps(show_event(row)).decode(), id=str(last))
                    try:
                        async with asyncio.timeout(POLL_SECS):
                            await woken.wait()
                    except TimeoutError:
                        pass
        return response

    async def keys(self, call: Call) -> Any:
        return [_show_key(key) for key in await list_keys(self._db)]

    async def create_key(self, call: Call) -> Any:
        body: KeyCreate = call.body
        secret = new_secret()
        async with self._db.transaction() as session:
            if body.expires_at is not None and body.expires_at <= await read_clock(session):
                raise InvalidInput.field("expires_at", "is in the past")
            new = NewKey(
                body.name, body.role.value, secret.prefix, secret.hash,
                created_by=call.caller.name, expires_at=body.expires_at,
            )  # fmt: skip
            key = await insert_key(session, new)
            if key is None:
                raise Conflict("try again")
            await add_events(session, [_key_event("key.created", key, call)])
        return {"key": _show_key(key), "raw_key": secret.raw}

    async def revoke(self, call: Call) -> None:
        key_id = call.id("id")
        async with self._db.transaction() as session:
            key = await revoke_key(session, key_id)
            if key is None:
                raise NotFound(f"there is no key {key_id}")
            await add_events(session, [_key_event("key.revoked", key, call)])
        self._keyring.forget_all()
        self._hints.hint(KEYS)

    async def preview(self, call: Call) -> Any:
        return preview(call.body, await read_clock(self._db))


def _show_key(key: StoredKey) -> dict[str, Any]:
    names = (
        "id",
        "name",
        "role",
        "key_prefix",
        "active",
        "created_by",
        "created_at",
        "expires_at",
        "last_used_at",
    )
    return {name: getattr(key, name) for name in names}


def _key_event(kind: str, key: StoredKey, call: Call) -> NewEvent:
    verb = kind.rpartition(".")[2]
    return NewEvent(
        kind,
        "info",
        f"Key '{key.name}' was {verb} (role {key.role})",
        api_key_id=call.caller.key_id,
        api_key_name=call.caller.name,
    )
