"""Who may come in: the key that a request shows, its role, and how often it may ask."""

from dataclasses import replace

from aiohttp import web

from tocsin_controller.api.limits import Allowance, RateLimits
from tocsin_controller.api.peers import Peers
from tocsin_controller.api.table import LIMIT_HEADERS
from tocsin_controller.security.keyring import KeyRing
from tocsin_controller.security.roles import Principal, Role, Scope
from tocsin_shared.errors import Forbidden, TooManyRequests, Unauthorized


class Admission:
    """The door of every API that this controller serves."""

    def __init__(self, keyring: KeyRing, limits: RateLimits, peers: Peers) -> None:
        self._keyring = keyring
        self._limits = limits
        self._peers = peers

    async def admit(
        self,
        request: web.Request,
        roles: frozenset[Role],
        raw_key: str | None,
        scopes: frozenset[Scope] = frozenset(),
    ) -> Principal:
        """Whose request this is. Raises Unauthorized, Forbidden, TooManyRequests, Unavailable."""
        if raw_key is None:
            self.count_stranger(request)
            raise Unauthorized
        try:
            principal = await self._keyring.authenticate(raw_key)
        except Unauthorized:
            self.count_stranger(request)
            raise
        return self.admit_as(request, roles, principal, scopes)

    def admit_as(
        self,
        request: web.Request,
        roles: frozenset[Role],
        principal: Principal,
        scopes: frozenset[Scope] = frozenset(),
    ) -> Principal:
        """The same for somebody who is known already. Raises Forbidden, TooManyRequests.

        One of the roles lets in, or one of the scopes.
        """
        _obey(request, self._limits.take(principal))
        if principal.role not in roles and not principal.scopes & scopes:
            if principal.scopes:
                raise Forbidden(f"a key for {' and '.join(sorted(principal.scopes))} may not do this")
            raise Forbidden(f"the role '{principal.role}' may not do this")
        return principal

    def with_address(self, request: web.Request, principal: Principal) -> Principal:
        """The same, with where the request came from."""
        return replace(principal, address=self.address_of(request))

    def count_stranger(self, request: web.Request) -> None:
        """Whoever has no valid key is known by the address that the request came from. Raises TooManyRequests."""
        _obey(request, self._limits.take_public(self.address_of(request) or "unknown"))

    def address_of(self, request: web.Request) -> str | None:
        """Where it came from, by those that are believed."""
        return self._peers.address_of(request.remote, request.headers.getall("X-Forwarded-For", ()))


def bearer(request: web.Request) -> str | None:
    """The key that the request shows."""
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    return raw.strip() or None if scheme.lower() == "bearer" else None


def _obey(request: web.Request, allowance: Allowance) -> None:
    """Raises TooManyRequests; the answer shows the limit either way."""
    request[LIMIT_HEADERS] = allowance.headers
    if allowance.retry_after_secs is not None:
        raise TooManyRequests(retry_after_secs=allowance.retry_after_secs)
