"""`script` tasks: Starlark in processes of their own, as an agent runs them."""

import asyncio
import base64
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.net import free_port

from tocsin_agent.policy import Policy
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.network import Reach
from tocsin_shared.protocol import GivenScript
from tocsin_shared.tasks import ScriptTask

S = ExecutionStatus


def given(code: str, **params: Any) -> GivenScript:
    return GivenScript(name="s", script_type="starlark", code=code, params=params)


def task(**values: str) -> ScriptTask:
    return ScriptTask(type="script", script_name="s", vars=values or None)


async def run(code: str, *, values: dict[str, str] | None = None, params: Any = None, **options: Any) -> Ran:
    return await run_task(task(**(values or {})), script=given(code, **(params or {})), **options)


async def test_what_is_printed_and_the_result_are_the_output() -> None:
    ran = await run(
        "print('a', 1, [2])\ndebug('aside', {'x': 1})\nresult = {'n': params['n'], 'ü': True}",
        params={"n": 5},
    )
    assert (ran.status, ran.outcome.exit_code, ran.text) == (S.SUCCEEDED, 0, 'a 1 [2]\n{"n":5,"ü":true}\n')
    assert ran.errors == 'aside {"x": 1}\n'


async def test_what_main_returns_is_the_result_and_nothing_is_printed_for_none() -> None:
    assert (await run("def main():\n  return 'as it is'\n")).text == "as it is\n"
    assert (await run("def main():\n  print('x')\nresult = 'unused'\n")).text == "x\n"
    assert (await run("x = 1")).text == ""


async def test_a_script_knows_its_job_and_the_values_that_the_task_lists() -> None:
    code = "print(job.name, job.attempt, vars['token'], env_var('token'), repr(env_var('PATH')))"
    ran = await run(code, values={"token": "t0ps3cret"}, redact=["t0ps3cret"])
    assert ran.text == 'test 1 ********* ********* ""\n'


async def test_output_arrives_while_the_script_runs_and_a_cancel_ends_it_soon() -> None:
    async with started_task(task(), script=given("print('now')\nsleep_ms(60000)\nprint('never')")) as running:
        await running.prints(b"now\n")
        running.cancel()
        ran = await running.ended()
    assert (ran.status, ran.outcome.reason, ran.text) == (S.CANCELLED, Reason.CANCELLED, "now\n")


async def test_an_endless_loop_is_timed_out() -> None:
    ran = await run("for i in range(1 << 30):\n  pass", timeout_secs=1)
    assert (ran.status, ran.outcome.reason) == (S.TIMED_OUT, Reason.TIMEOUT)


@pytest.mark.parametrize(
    "code", ["x = 'a' * (1 << 29)", "x = []\nfor i in range(1 << 30):\n  x.append('%d' % i * 1000)"]
)
async def test_too_much_memory_ends_the_script_and_is_said(code: str) -> None:
    ran = await run(code, timeout_secs=50)
    assert (ran.status, ran.outcome.reason) == (S.FAILED, Reason.OOM), ran
    assert "more than 256 MiB of memory" in (ran.outcome.message or "")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('before')\nfail('backup is', 3, 'days old')\nprint('after')", "backup is 3 days old"),
        ("x = 1\ny = x // 0", "line 2: Floor division by zero: 1 // 0"),
        ("x = (\n", "line 1: unexpected new line"),
        ("def f():\n  return f()\nf()", "line 2: Starlark call stack overflow"),
        ("regex.match('(', 'x')", "the pattern '(' can't be read: missing ): ("),
        ("udp_send('nowhere', 'x')", "'nowhere' must be host:port"),
        ("result = print", "function"),
        ("open('/etc/passwd')", "Variable `open` not found"),
        ("load('/etc/passwd', 'x')", "line 1: `load` is not allowed in this dialect"),
    ],
)  # fmt: skip
async def test_a_script_that_fails_says_why_in_its_last_line(code: str, message: str) -> None:
    ran = await run(code)
    assert (ran.status, ran.outcome.exit_code, ran.outcome.reason) == (S.FAILED, 1, Reason.SCRIPT_FAILED), ran
    assert message in (ran.outcome.message or "")
    assert "after" not in ran.text


async def test_text_and_time_functions() -> None:
    code = r"""
found = regex.find("(?P<key>\\w+)=(\\d+)", "a=1 bb=22")
check = [
    [found.text, found.groups, found.named],
    [one.text for one in regex.find_all("\\d+", "1 22 333")],
    regex.replace("(\\w)=", "\\1:", "a=1"), regex.match("^x", "ax"), regex.find("x", "a"),
    hex_encode("ü"), hex_decode("c3 bc"),
    time.format(0), time.parse("1970-01-01T01:00:00+01:00"), time.now() > 1e9,
    json.decode('{"a": [1, 2.5, null]}'), json.encode({"b": "\n"}), int("5") + 1,
]
result = check
"""
    ran = await run(code)
    assert json.loads(ran.text) == [
        ["a=1", ["a", "1"], {"key": "a"}], ["1", "22", "333"], "a:1", False, None, "c3bc", "ü",
        "1970-01-01T00:00:00Z", 0.0, True, {"a": [1, 2.5, None]}, '{"b":"\\n"}', 6,
    ], ran.errors  # fmt: skip


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A web server; its address."""

    async def echo(request: web.Request) -> web.Response:
        auth = request.headers.get("X-Auth", request.headers.get("Authorization"))
        kind = request.content_type
        said = {"method": request.method, "body": await request.text(), "auth": auth, "type": kind}
        return web.json_response(said, status=201, headers={"X-Seen": "yes"})

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    async def big(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (11 * 1024 * 1024))

    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/away", away)
    app.router.add_get("/big", big)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_requests_are_made_and_what_went_wrong_is_told(site: str) -> None:
    code = f"""
site = "{site}"
a = http_post(site + "/echo", {{"x": 1}}, headers={{"X-Auth": "k"}})
b = http_get(site + "/away?to=/echo")
c = http("put", site + "/echo", "text")
d = http_get("http://127.0.0.1:{free_port()}/")
e = http_get(site + "/big")
f = http_get("ftp://x/")
g = http_get(site + "/away?to=/away%3Fto=/away")
h = http_get(site.replace("//", "//me:p%40ss@") + "/echo?q=" + url_encode("ü &"))
print(json.decode(h.body)["auth"])
result = [a.status, json.decode(a.body), a.headers["x-seen"], json.decode(b.body)["method"],
          json.decode(c.body)["method"], [x.status for x in [d, e, f, g]], [x.error for x in [b, d, e, f]]]
"""
    ran = await run(code)
    assert ran.status is S.SUCCEEDED, ran.errors
    basic, _, result = ran.text.partition("\n")
    assert basic == "Basic " + base64.b64encode(b"me:p@ss").decode()
    said = json.loads(result)
    assert said[:5] == [
        201, {"method": "POST", "body": '{"x": 1}', "auth": "k", "type": "application/json"}, "yes", "GET", "PUT"
    ]  # fmt: skip
    assert said[5] == [0, 0, 0, 0] or said[5][3] in (500, 400)
    assert said[6][0] == ""
    assert "refused" in said[6][1]
    assert "more than 10485760 bytes" in said[6][2]
    assert "must start with http" in said[6][3]


async def test_a_server_without_a_trusted_certificate_is_not_spoken_to() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    spoken: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    ran = await run(f"r = http_get('https://127.0.0.1:{port}/')\nresult = [r.status, r.error]")
    server.close()
    status, error = json.loads(ran.text or "[]")
    assert (status, "certificate verify failed" in error, b"".join(spoken)) == (0, True, b"")


@pytest.fixture
def echo_port() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


async def test_bytes_are_sent_by_tcp_and_udp(echo_port: socket.socket) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"got " + await reader.read())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, sock=echo_port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        datagrams.settimeout(30)
        code = f"""
tcp = "127.0.0.1:{echo_port.getsockname()[1]}"
a, b = tcp_send(tcp, "hi"), tcp_send_hex(tcp, "ff 00")
c = tcp_send("127.0.0.1:{free_port()}", "x")
d = udp_send_hex("127.0.0.1:{datagrams.getsockname()[1]}", "0102")
result = [a.response, a.error, b.response_hex, c.response, c.error != "", d.sent, d.error]
"""
        ran = await run(code)
        assert json.loads(ran.text or "null") == ["got hi", "", "676f7420ff00", "", True, 2, ""], ran.errors
        assert datagrams.recv(10) == b"\x01\x02"
    server.close()


async def test_an_address_that_the_policy_refuses_ends_the_script_also_behind_a_redirect(site: str) -> None:
    refused = Policy(reach=Reach("guarded"))
    for call in (
        f"http_get('{site}/echo')",
        "tcp_send('localhost:1', 'x')",
        "udp_send('169.254.169.254:80', 'x')",
    ):
        ran = await run(f"{call}\nprint('after')", policy=refused)
        assert (ran.outcome.reason, ran.outcome.exit_code, ran.text) == (Reason.ADDRESS_REFUSED, 3, ""), call
        assert "may not be called" in (ran.outcome.message or "")
    port = site.rpartition(":")[2]
    policy = Policy(reach=Reach("all", deny=("127.0.0.2/32",)))
    ran = await run(f"http_get('{site}/away?to=http://127.0.0.2:{port}/echo')", policy=policy)
    assert ran.outcome.reason is Reason.ADDRESS_REFUSED


async def test_commands_are_started_only_where_the_policy_lets_them(tmp_path: Path) -> None:
    code = f"r = shell_exec('cat; echo $A > {tmp_path}/made; exit 3', stdin='in', env={{'A': 'b'}})\n"
    code += "result = [r.exit_code, r.stdout, r.stderr]"
    ran = await run(code)
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.REFUSED_BY_AGENT, 4)
    assert "allow_script_shell" in (ran.outcome.message or "")
    assert not list(tmp_path.iterdir())
    ran = await run(code, policy=Policy(allow_script_shell=True, run_as=frozenset({"nobody-else"})))
    assert ran.outcome.reason is Reason.REFUSED_BY_AGENT
    assert not list(tmp_path.iterdir())
    ran = await run(code, policy=Policy(allow_script_shell=True))
    assert json.loads(ran.text) == [3, "in", ""], ran.errors
    assert (tmp_path / "made").read_text() == "b\n"


async def test_nothing_of_a_script_is_in_arguments_or_environment() -> None:
    code = "print('started')\nsleep_ms(60000)"
    async with started_task(task(secret="inv1sible"), script=given(code, p="als0")) as running:
        await running.prints(b"started")
        mine = [
            path
            for path in Path("/proc").glob("[0-9]*")
            if str(running.execution_id) in _read(path, "environ")
        ]
        seen = "".join(_read(path, name) for path in mine for name in ("cmdline", "environ"))
        assert "tocsin_agent.tasks.script.child" in seen
        assert not [word for word in ("inv1sible", "als0", "sleep_ms") if word in seen]
        running.cancel()
        await running.ended()


async def test_without_its_script_an_execution_fails() -> None:
    ran = await run_task(task())
    assert (ran.status, ran.outcome.reason) == (S.FAILED, Reason.NO_SCRIPT)


def _read(process: Path, name: str) -> str:
    try:
        return (process / name).read_text("utf-8", "replace")
    except OSError:
        return ""
