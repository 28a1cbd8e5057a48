"""API keys."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from tocsin_shared.views.base import View


class KeyView(View):
    """An API key, without the key."""

    id: UUID
    name: str
    role: str
    #: What a key of the role `scoped` is for.
    scopes: list[str]
    key_prefix: str
    active: bool
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewKeyView(View):
    """A key that was just made."""

    key: KeyView
    #: Shown this once.
    raw_key: str


class MeView(View):
    """Whose key was shown."""

    authenticated: Literal[True]
    auth_type: Literal["api_key"]
    name: str
    role: str
    key_id: UUID
    key_prefix: str
    agent_id: UUID | None
