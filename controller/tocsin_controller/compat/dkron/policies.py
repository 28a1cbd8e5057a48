"""Dkron's policies: what keys of a name may do on which paths of `/v1`, besides what their roles allow.

They are kept among the settings. A policy is for the keys that are called as it is; keys without one have their role
alone, and admins are not restricted.
"""

import json
from fnmatch import fnmatchcase
from typing import Any, Final

from tocsin_controller.security.roles import Principal
from tocsin_controller.services.fleet_settings import FleetSettings
from tocsin_controller.store.database import Database
from tocsin_controller.store.jobs import job_row
from tocsin_controller.store.settings import lock_settings, stored_settings
from tocsin_shared.errors import Forbidden, InvalidInput, NotFound

POLICIES: Final = "dkron_acl_policies"
_ORDERED: Final = ("create", "read", "update", "delete", "list")
_MOST_BYTES: Final = 100_000
_MOST_NAME_CHARS: Final = 255
_WANTED: Final = {"GET": frozenset({"read", "list"}), "DELETE": frozenset({"delete"})}

#: By glob what may be done there.
Rules = dict[str, frozenset[str]]


def read_rules(document: Any) -> Rules:
    """What `{"path": {"/v1/jobs/*": ["read"]}}` says, or the same with `capabilities`. Raises InvalidInput."""
    paths = document.get("path") if isinstance(document, dict) else None
    if not isinstance(paths, dict) or not paths:
        raise InvalidInput.field("path", "must say by path what may be done there")
    rules: Rules = {}
    for glob, said in paths.items():
        capabilities = said.get("capabilities") if isinstance(said, dict) else said
        if not isinstance(capabilities, list) or any(one not in _ORDERED for one in capabilities):
            raise InvalidInput.field(f"path.{glob[:100]}", f"must be some of {', '.join(_ORDERED)}")
        rules[glob] = frozenset(capabilities)
    return rules


def is_allowed(rules: Rules, path: str, wanted: frozenset[str]) -> bool:
    """Whether the path itself, or else the longest glob that fits, says so; where none does, nothing is allowed."""
    fitting = [path] if path in rules else [glob for glob in rules if fnmatchcase(path, glob)]
    return bool(fitting) and bool(rules[max(fitting, key=len)] & wanted)


class Policies:
    """Keeps and applies them."""

    def __init__(self, db: Database, settings: FleetSettings) -> None:
        self._db = db
        self._settings = settings

    async def check(
        self, by: Principal, method: str, path: str, wanted: frozenset[str] | None = None
    ) -> None:
        """Raises Forbidden when a policy does not let this key do that."""
        if by.is_admin:
            return
        document = (await self._all()).get(by.name)
        asked = wanted or _WANTED.get(method, frozenset({"create", "update"}))
        if document is not None and not is_allowed(read_rules(document), path, asked):
            raise Forbidden(f"the policy '{by.name}' does not allow this")

    async def check_saving(self, by: Principal, job: str) -> None:
        """Raises Forbidden when a policy does not let this key make, or change, the job of that name."""
        wanted = "create" if await job_row(self._db, job) is None else "update"
        await self.check(by, "POST", f"/v1/jobs/{job}", frozenset({wanted}))

    async def get(self, name: str) -> dict[str, Any]:
        """One policy, as it is shown. Raises NotFound."""
        document = (await self._all()).get(name)
        if document is None:
            raise NotFound
        return {"Name": name, "Rules": json.dumps(document, ensure_ascii=False)}

    async def put(self, name: str, sent: Any, by: Principal) -> dict[str, Any]:
        """Keep a policy: a document, or what is shown of one. Raises InvalidInput."""
        document = sent.get("Rules", sent) if isinstance(sent, dict) else sent
        try:
            if isinstance(document, str):
                document = json.loads(document)
            json.dumps(document, ensure_ascii=False).encode()  # what has no UTF-8 form can't be stored
        except (ValueError, RecursionError):
            raise InvalidInput.field("Rules", "must be JSON") from None
        read_rules(document)
        if not 0 < len(name) <= _MOST_NAME_CHARS:
            raise InvalidInput.field("name", f"must have 1 to {_MOST_NAME_CHARS} characters")
        await self._change(name, document, by)
        return {"Name": name, "Rules": json.dumps(document, ensure_ascii=False)}

    async def delete(self, name: str, by: Principal) -> dict[str, Any]:
        """Forget a policy; what it was. Raises NotFound."""
        shown = await self.get(name)
        await self._change(name, None, by)
        return shown

    async def _all(self) -> dict[str, Any]:
        return _read(await stored_settings(self._db))

    async def _change(self, name: str, document: Any, by: Principal) -> None:
        async with self._db.transaction() as session:
            await lock_settings(session)
            kept = _read(await stored_settings(session))
            kept = {key: one for key, one in kept.items() if key != name}
            if document is not None:
                kept[name] = document
            text = json.dumps(kept, ensure_ascii=False) if kept else ""
            if len(text.encode()) > _MOST_BYTES:
                raise InvalidInput.field(
                    "Rules", f"all policies together are larger than {_MOST_BYTES} bytes"
                )
            await self._settings.change_in(session, {POLICIES: text}, by)


def _read(settings: dict[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(settings.get(POLICIES) or "{}")
    return kept
