"""A file put into a bucket, or got from it."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    SSLError,
)

from tocsin_agent.policy.files import judge_reading, judge_writing
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import (
    TaskFailed,
    config_of,
    could_not_connect,
    drive,
    driver_failed,
    login_refused,
    task_of,
)
from tocsin_agent.tasks.local import Draft, FileThread, Place, file_thread, open_for_reading, place_of
from tocsin_agent.tasks.local.errors import file_failed
from tocsin_agent.tasks.local.places import Judge, with_name
from tocsin_agent.tasks.progress import Progress
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.connections.configs import S3Config
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import S3Task

#: Larger files go in parts of this size, or of as much as it takes; one of them is in memory.
PART_BYTES: Final = 8 * 1024 * 1024
_MOST_PARTS: Final = 10_000
_READ_BYTES: Final = 1024 * 1024
_CONNECT_SECS: Final = 30
_STALL_SECS: Final = 60
_ABORT_SECS: Final = 3.0
#: For stores that know no regions.
_REGION: Final = "us-east-1"

_WRONG_KEYS: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidClientTokenId"}
)
_MISSING: Final = {
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such key",
    "404": "there is no such bucket or key",
}

_T = TypeVar("_T")


class S3Runner:
    """Runs `s3` tasks."""

    def __init__(self) -> None:
        self._session = AioSession()
        self._is_loaded = False

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Move the file, whole or not at all. A stop abandons it."""
        return await drive(assignment, context, lambda: self._work(assignment, context))

    async def find_bucket(self, config: S3Config) -> str:
        """Ask for the bucket with the connection's keys; what the store is called. Raises TaskFailed."""
        name = _name(config)
        with telling(f"Asking {name}", config):
            async with self._client(config) as client:
                try:
                    await client.head_bucket(Bucket=config.bucket)
                except ClientError as error:
                    raise _not_found(config.bucket, name, error) from None
        return name

    async def _work(self, assignment: Assignment, context: TaskContext) -> Outcome:
        task = task_of(assignment, S3Task)
        config = config_of(assignment, S3Config)
        if config is None:
            raise TaskFailed(Reason.BAD_CONNECTION, "This needs a connection of type s3.")
        progress = Progress(context)
        judge = judge_reading if task.direction == "upload" else judge_writing
        transfer = _Transfer(task, config, progress, judge(context.policy.directories))
        async with file_thread(assignment) as files, self._client(config) as client:
            if task.direction == "upload":
                path, etag = await transfer.upload(client, files)
            else:
                path, etag = await transfer.download(client, files)
        progress.conclude(path=path, etag=etag.strip('"'))
        return Outcome.succeeded()

    @asynccontextmanager
    async def _client(self, config: S3Config) -> AsyncIterator[Any]:
        if not self._is_loaded:
            # Large files of descriptions, which are read once.
            await asyncio.to_thread(_load, self._session)
            self._is_loaded = True
        security = await asyncio.to_thread(context_of, config)
        with telling(f"Reaching {_name(config)}", config):
            making = self._session.create_client(
                "s3",
                region_name=config.region or _REGION,
                endpoint_url=config.endpoint,
                aws_access_key_id=config.access_key,
                aws_secret_access_key=config.secret_key,
                config=_settings(config, security),
            )
            client = await making.__aenter__()
        try:
            yield client
        finally:
            await making.__aexit__(None, None, None)


class _Transfer:
    """One file on its way."""

    def __init__(self, task: S3Task, config: S3Config, progress: Progress, judge: Judge) -> None:
        self._task = task
        self._config = config
        self._progress = progress
        self._judge = judge

    async def upload(self, client: Any, files: FileThread) -> tuple[str, str]:
        """Returns where it is, and its ETag."""
        key = with_name(self._task.key, self._task.local_path)
        path = f"s3://{self._config.bucket}/{key}"
        target = {"Bucket": self._config.bucket, "Key": key}
        kind = {} if self._task.content_type is None else {"ContentType": self._task.content_type}
        taking = partial(open_for_reading, self._task.local_path, self._judge)
        async with files.holding(taking, lambda taken: os.close(taken[0])) as (fd, info):
            self._progress.total = info.st_size
            with telling(f"Writing {path}", self._config):
                if info.st_size <= PART_BYTES:
                    body = await files.run(_read, fd, info.st_size, self._task.local_path)
                    answer = await client.put_object(**target, **kind, Body=body)
                    self._progress.add(len(body))
                else:
                    answer = await self._in_parts(client, files, fd, info.st_size, target, kind)
        return path, answer["ETag"]

    async def _in_parts(
        self, client: Any, files: FileThread, fd: int, size: int, target: dict[str, str], kind: dict[str, str]
    ) -> Any:
        part_bytes = max(PART_BYTES, -(-size // _MOST_PARTS))
        begun = await client.create_multipart_upload(**target, **kind)
        target = {**target, "UploadId": begun["UploadId"]}
        try:
            parts = []
            for number, start in enumerate(range(0, size, part_bytes), 1):
                body = await files.run(_read, fd, min(part_bytes, size - start), self._task.local_path)
                answer = await client.upload_part(**target, PartNumber=number, Body=body)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
                self._progress.add(len(body))
            return await client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        except BaseException:
            # Parts that nobody completes or aborts are stored, and paid for, for ever.
            with suppress(BotoCoreError, ClientError, aiohttp.ClientError, OSError):
                await asyncio.wait_for(client.abort_multipart_upload(**target), _ABORT_SECS)
            raise

    async def download(self, client: Any, files: FileThread) -> tuple[str, str]:
        """Returns where it is, and its ETag."""
        path = with_name(self._task.local_path, self._task.key)
        doing = f"Reading s3://{self._config.bucket}/{self._task.key}"
        async with files.holding(partial(place_of, path, self._judge), Place.close) as place:
            with telling(doing, self._config):
                answer = await client.get_object(Bucket=self._config.bucket, Key=self._task.key)
            self._progress.total = answer.get("ContentLength")
            async with answer["Body"] as body:
                taking = partial(Draft, place, f"{place.name}.part-{os.urandom(8).hex()}")
                async with files.holding(taking, Draft.close) as draft:
                    while piece := await _told(body.read(_READ_BYTES), doing, self._config):
                        await files.run(draft.write, piece)
                        self._progress.add(len(piece))
                    if self._progress.total not in (None, self._progress.done):
                        why = f"it ended after {self._progress.done} of {self._progress.total} bytes"
                        raise driver_failed(doing, why)
                    await files.run(draft.publish)
        return path, answer["ETag"]


@contextmanager
def telling(doing: str, config: S3Config) -> Iterator[None]:
    """Turns a driver's errors into a sentence."""
    name = _name(config)
    try:
        yield
    except ClientError as error:
        raise _answered(doing, name, error) from None
    except NoCredentialsError as error:
        raise login_refused(name, error) from None
    except SSLError as error:
        raise could_not_connect(name, error) from None
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise could_not_connect(name, error) from None
    except (ConnectionClosedError, aiohttp.ClientError) as error:
        raise driver_failed(doing, f"the connection was lost: {error}") from None
    except (TimeoutError, BotoCoreError, OSError, ValueError) as error:
        raise driver_failed(doing, error) from None


async def _told(step: Awaitable[_T], doing: str, config: S3Config) -> _T:
    with telling(doing, config):
        return await step


def _not_found(bucket: str, name: str, error: ClientError) -> TaskFailed:
    """Answers to HEAD have a status and nothing else."""
    match error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"):
        case 400 | 401 | 403:
            return login_refused(name, error)
        case 404:
            return TaskFailed(Reason.DRIVER_ERROR, f"There is no bucket '{bucket}' on {name}.")
        case _:
            return driver_failed(f"Asking {name}", error)


def _answered(doing: str, name: str, error: ClientError) -> TaskFailed:
    code = str(error.response.get("Error", {}).get("Code", ""))
    text = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
    if code in _WRONG_KEYS:
        return login_refused(name, text)
    if code == "EntityTooLarge":
        return TaskFailed(Reason.TOO_LARGE, f"{doing} failed: it is larger than {name} takes.", text)
    return driver_failed(doing, _MISSING.get(code, text))


def _settings(config: S3Config, security: ssl.SSLContext) -> AioConfig:
    class Session(AIOHTTPSession):  # type: ignore[misc] # the driver is not typed
        """Whose TLS is what the connection says."""

        def _build_ssl_contexts(self, _proxy_url: str | None) -> tuple[ssl.SSLContext, None]:
            return security, None

    return AioConfig(
        connect_timeout=_CONNECT_SECS,
        read_timeout=_STALL_SECS,
        retries={"total_max_attempts": 3, "mode": "standard"},
        # Nothing of the agent's environment but, without keys, its credentials.
        proxies={},
        ignore_configured_endpoint_urls=True,
        # Other stores than AWS do not know the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "path" if config.path_style else "virtual",
            # TLS protects the content already.
            "payload_signing_enabled": (config.endpoint or "https").lower().startswith("http:"),
        },
        http_session_cls=Session,
    )


def _name(config: S3Config) -> str:
    return config.endpoint or "AWS"


def _load(session: AioSession) -> None:
    loader = session.get_component("data_loader")
    for what in ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1"):
        loader.load_service_model("s3", what)
    for what in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(what)


def _read(fd: int, count: int, path: str) -> bytes:
    pieces = []
    while count:
        try:
            piece = os.read(fd, count)
        except OSError as error:
            raise file_failed("read", path, error) from None
        if not piece:
            raise TaskFailed(Reason.FILE_ERROR, f"{path} became shorter while it was read.")
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
