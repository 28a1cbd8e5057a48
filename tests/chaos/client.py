"""A client of the REST API that writes down what it asked and what it knows about the outcome."""

import asyncio
import time
from typing import Any

import aiohttp

from tests.chaos.history import Operation, Outcome

#: Of our own bookkeeping, not part of a job's definition.
PRIVATE_KEYS = frozenset({"duration_secs"})
_CALL_SECS = 8.0
_READS = 4


class Client:
    """Each call once, as in a test of a database: `ok`, `fail` (certainly not done) or `info` (nobody knows)."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {key}"}, timeout=aiohttp.ClientTimeout(total=_CALL_SECS)
        )
        self.operations: list[Operation] = []
        self._ids: dict[str, str] = {}
        self._definitions: dict[str, dict[str, Any]] = {}
        #: Answers that no client should see: a 5xx without Retry-After.
        self.rude_answers: list[str] = []

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def create(self, name: str, definition: dict[str, Any]) -> Operation:
        """Create a job."""
        self._definitions[name] = definition
        body = {"name": name} | {k: v for k, v in definition.items() if k not in PRIVATE_KEYS}
        return await self._operate("create_job", name, "POST", "/api/jobs", body)

    async def update(self, name: str, **changes: Any) -> Operation:
        """Change a job."""
        self._definitions[name] = self._definitions[name] | changes
        body = {k: v for k, v in changes.items() if k not in PRIVATE_KEYS}
        return await self._operate("update_job", name, "PUT", f"/api/jobs/{name}", body)

    async def pause(self, name: str) -> Operation:
        """Pause a job."""
        return await self._operate("pause_job", name, "PUT", f"/api/jobs/{name}", {"status": "paused"})

    async def resume(self, name: str) -> Operation:
        """Let a paused job go on."""
        return await self._operate("resume_job", name, "PUT", f"/api/jobs/{name}", {"status": "scheduled"})

    async def delete(self, name: str) -> Operation:
        """Delete a job."""
        return await self._operate("delete_job", name, "DELETE", f"/api/jobs/{name}")

    async def trigger(self, name: str, *, idempotency_key: str | None = None) -> Operation:
        """Run a job now."""
        return await self._operate(
            "trigger", name, "POST", f"/api/jobs/{name}/trigger", idempotency_key=idempotency_key
        )

    async def get(self, path: str) -> Any:
        """Read something, again after a lost connection. Raises RuntimeError when that was refused."""
        for attempt in range(_READS):
            try:
                async with self._http.get(self._url + path) as answer:
                    if answer.status == 200:
                        return await answer.json()
                    if answer.status < 500 or attempt == _READS - 1:
                        raise RuntimeError(f"GET {path}: {answer.status} {await answer.text()}")
            except (aiohttp.ClientError, TimeoutError):
                if attempt == _READS - 1:
                    raise
            await asyncio.sleep(0.5)
        raise AssertionError("a read is tried at least once")

    async def all_of(self, path: str) -> list[dict[str, Any]]:
        """Every page of a list."""
        joint = "&" if "?" in path else "?"
        after, found = "", []
        while True:
            page = await self.get(f"{path}{joint}per_page=100{after}")
            found += page["data"]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    async def post(self, path: str, body: Any = None) -> Any:
        """A call that is no part of the history."""
        async with self._http.post(self._url + path, json=body) as answer:
            return await answer.json()

    async def _operate(
        self,
        kind: str,
        job: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Operation:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        invoked = time.time_ns()
        outcome, answer = await self._call(method, path, body, headers)
        if kind == "create_job" and outcome == "ok":
            self._ids[job] = answer["id"]
        operation = Operation(
            kind=kind,
            outcome=outcome,
            invoked_ns=invoked,
            answered_ns=time.time_ns(),
            job=job,
            definition=self._definitions.get(job) if kind in ("create_job", "update_job") else None,
            job_id=self._ids.get(job),
            run_id=answer.get("run_id"),
        )
        self.operations.append(operation)
        return operation

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> tuple[Outcome, dict[str, Any]]:
        try:
            async with self._http.request(method, self._url + path, json=body, headers=headers) as answer:
                text = await answer.text()
                if answer.status >= 500:
                    if "Retry-After" not in answer.headers:
                        self.rude_answers.append(f"{method} {path}: {answer.status} {text[:200]}")
                    return "info", {}
                if answer.status >= 400:
                    return "fail", {}
                return "ok", (await answer.json() if text else {})
        except aiohttp.ClientConnectorError:
            return "fail", {}
        except (aiohttp.ClientError, TimeoutError):
            return "info", {}
