"""Files in buckets, by moto's server, which checks keys and signatures."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.integration.tasks.running import PATIENCE_SECS, Ran, run_task, started_task
from tests.net import free_port
from tests.services.s3 import BUCKET, S3Server, s3_server

from tocsin_shared.connections.configs import S3Config
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import S3Task

#: More than two parts of a multipart upload.
CONTENT = bytes(range(256)) * 70_000


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def login(server: S3Server, **more: Any) -> S3Config:
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    return S3Config(**{"endpoint": server.endpoint, "bucket": BUCKET} | keys | more)


def moving(direction: str, here: Path | str, key: str, **more: Any) -> S3Task:
    fields = {"type": "s3", "connection": "test", "direction": direction, "local_path": str(here), "key": key}
    return S3Task.model_validate(fields | more)


def result_of(ran: Ran) -> dict[str, Any]:
    assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors
    result: dict[str, Any] = json.loads(ran.text)
    return result


@pytest.mark.parametrize("content", [b"", b"small\x00\xff", CONTENT])
async def test_a_file_goes_into_a_bucket_and_comes_back_as_it_was(
    content: bytes, s3: S3Server, tmp_path: Path
) -> None:
    here = tmp_path / "report.bin"
    here.write_bytes(content)
    task = moving("upload", here, "daily/", content_type="application/x-report")
    sent = result_of(await run_task(task, login(s3)))
    assert (sent["path"], sent["bytes"]) == (f"s3://{BUCKET}/daily/report.bin", len(content))
    stored = s3.client.get_object(Bucket=BUCKET, Key="daily/report.bin")
    assert stored["Body"].read() == content
    assert stored["ContentType"] == "application/x-report"
    assert stored["ETag"].strip('"') == sent["etag"]

    (tmp_path / "back").mkdir()
    got = result_of(await run_task(moving("download", f"{tmp_path}/back/", "daily/report.bin"), login(s3)))
    assert (got["etag"], got["bytes"]) == (sent["etag"], len(content))
    assert (tmp_path / "back" / "report.bin").read_bytes() == content
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["report.bin"]


async def test_wrong_keys_are_a_refused_login(s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in ({"access_key": "AKIAIOSFODNN7EXAMPLE"}, {"secret_key": "wrong-secret-key"}):
        ran = await run_task(moving("upload", tmp_path / "file", "x"), login(s3, **wrong), redact=[])
        assert ran.outcome.reason is Reason.LOGIN_FAILED
        assert not any(value in ran.errors for value in wrong.values())


async def test_what_is_missing_is_named(s3: S3Server, tmp_path: Path) -> None:
    key = await run_task(moving("download", tmp_path / "x", "nothing"), login(s3))
    bucket = await run_task(moving("download", tmp_path / "x", "k"), login(s3, bucket="no-such-bucket"))
    file = await run_task(moving("upload", tmp_path / "nothing", "k"), login(s3))
    assert (key.outcome.reason, bucket.outcome.reason) == (Reason.DRIVER_ERROR, Reason.DRIVER_ERROR)
    assert "no such key" in key.errors
    assert "no such bucket" in bucket.errors
    assert file.outcome.reason is Reason.FILE_ERROR
    assert list(tmp_path.iterdir()) == []


async def test_a_store_that_is_down_is_not_connected_to(s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    down = login(s3, endpoint=f"http://127.0.0.1:{free_port()}")
    ran = await run_task(moving("upload", tmp_path / "file", "x"), down)
    assert ran.outcome.reason is Reason.CONNECT_FAILED
    assert down.endpoint
    assert down.endpoint in ran.errors


async def test_a_cancelled_upload_leaves_neither_the_file_nor_paid_for_parts(tmp_path: Path) -> None:
    here = tmp_path / "large"
    with here.open("wb") as file:
        file.truncate(2_000_000_000)
    with s3_server() as server:
        async with started_task(moving("upload", here, "large"), login(server)) as running:
            await until_parts(server)
            running.cancel()
            assert (await running.ended()).status is ExecutionStatus.CANCELLED
        assert "Uploads" not in server.client.list_multipart_uploads(Bucket=BUCKET)
        assert "Contents" not in server.client.list_objects_v2(Bucket=BUCKET)


async def until_parts(server: S3Server) -> None:
    async with asyncio.timeout(PATIENCE_SECS):
        while True:
            begun = await asyncio.to_thread(server.client.list_multipart_uploads, Bucket=BUCKET)
            if "Uploads" in begun:
                return
            await asyncio.sleep(0.05)


async def test_tls_is_checked_and_an_answer_that_breaks_off_is_no_file(tmp_path: Path) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 1000000\r\n\r\n' + bytes(500_000))
        await writer.drain()
        writer.close()

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("store.example.com").configure_cert(context)
    server = await asyncio.start_server(half, "127.0.0.1", 0, ssl=context)
    async with server:
        config = S3Config(
            endpoint=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            bucket=BUCKET,
            access_key="some-access-key",
            secret_key="some-secret-key",
            tls_ca=authority.cert_pem.bytes().decode(),
        )
        task = moving("download", tmp_path / "x", "k")
        mismatch = await run_task(task, config)
        named = config.model_copy(update={"tls_server_name": "store.example.com"})
        broken_off = await run_task(task, named)
    assert mismatch.outcome.reason is Reason.CONNECT_FAILED
    assert "certificate" in mismatch.errors
    assert broken_off.outcome.reason is Reason.DRIVER_ERROR
    assert list(tmp_path.iterdir()) == []
