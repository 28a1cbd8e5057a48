"""Who may do what, for every route there is."""

import re

import pytest
from aiohttp import web
from tests.integration.api.conftest import ROLES, Served

from tocsin_controller.api.app import ROUTES
from tocsin_controller.security.roles import Role
from tocsin_shared.ids import new_id

#: Open to everybody, and that is all.
PUBLIC = {
    ("GET", "/"),
    ("GET", "/metrics"),
    ("GET", "/api/health"),
    ("GET", "/api/health/ready"),
    ("GET", "/api/config"),
    ("GET", "/api/docs"),
    ("GET", "/api/openapi.json"),
    ("POST", "/api/webhooks/{token}"),
}

#: The answers that mean "you were let in": to unknown ids and missing bodies.
LET_IN = {200, 204, 400, 404}


def of_nothing(path: str) -> str:
    """The path with ids of things that do not exist."""
    return re.sub(r"{\w+}", lambda _: str(new_id()), path.replace("{stream}", "stdout"))


def test_only_these_routes_are_public(served: Served) -> None:
    routes = served.app[ROUTES]
    assert {(r.method, r.path) for r in routes if r.roles is None} == PUBLIC


def test_every_route_of_the_server_is_in_the_table(served: Served) -> None:
    table = {(r.method, r.path) for r in served.app[ROUTES]}
    bound = {
        (r.method, r.resource.canonical)
        for r in served.app.router.routes()
        if r.resource and r.method != "HEAD"
    }
    assert bound == table


async def test_every_route_lets_in_its_roles_and_nobody_else(served: Served) -> None:
    wrong = []
    for route in served.app[ROUTES]:
        if route.roles is None or "stream" in route.path:
            continue
        path = of_nothing(route.path)
        for role in ROLES:
            answer = await served.api.as_role(role).call(route.method, path)
            expected = LET_IN if Role(role) in route.roles else {403}
            if answer.status not in expected:
                wrong.append((route.method, route.path, role, answer.status))
    assert wrong == []


async def test_nobody_gets_in_without_a_valid_key(served: Served) -> None:
    for route in served.app[ROUTES]:
        if route.roles is None:
            continue
        path = of_nothing(route.path)
        for api in (served.api.as_role(None), served.api.with_key("tsk_wrong")):
            answer = await api.call(route.method, path)
            assert (answer.status, answer.json["code"]) in {(401, "unauthorized"), (429, "too_many_requests")}


@pytest.mark.parametrize("header", ["Basic dXNlcjpwdw==", "Bearer", "Bearer ", "tsk_x", "", "Bearer \x80"])
async def test_odd_authorization_headers_are_no_key(served: Served, header: str) -> None:
    answer = await served.api.as_role(None).call("GET", "/api/jobs", headers={"Authorization": header})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tocsin"'


async def test_the_scheme_is_read_in_any_case(served: Served) -> None:
    headers = {"Authorization": f"bearer  {served.api.key} "}
    assert (await served.api.as_role(None).call("GET", "/api/jobs", headers=headers)).status == 200


def test_the_table_is_an_app_key(served: Served) -> None:
    assert isinstance(ROUTES, web.AppKey)
