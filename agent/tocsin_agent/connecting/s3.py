"""S3: asks whether the bucket is there, with the keys."""

from contextlib import ExitStack

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore import UNSIGNED
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from tocsin_agent.connecting.base import client_pem, in_memory, unusable
from tocsin_agent.tasks.driving import (
    TaskFailed,
    could_not_connect,
    driver_failed,
    login_refused,
    one_line,
)
from tocsin_shared.connections.configs import S3Config
from tocsin_shared.executions import Reason
from tocsin_shared.network import Reach

_DEFAULT_REGION = "us-east-1"


async def probe(config: S3Config, _reach: Reach) -> str:
    """Raises TaskFailed."""
    what = f"S3 at {config.endpoint or 'AWS'}"
    if config.tls_server_name:
        raise unusable("S3's driver knows no tls_server_name")
    with ExitStack() as files:
        certificate = files.enter_context(in_memory(client_pem(config)))
        trusted = files.enter_context(in_memory(config.tls_ca))
        verify = (trusted or True) if config.tls_verify else False
        try:
            async with get_session().create_client(
                "s3",
                endpoint_url=config.endpoint,
                region_name=config.region or _DEFAULT_REGION,
                aws_access_key_id=config.access_key or "",
                aws_secret_access_key=config.secret_key or "",
                verify=verify,
                config=_settings(config, certificate),
            ) as client:
                await client.head_bucket(Bucket=config.bucket)
        except ClientError as error:
            raise _refused(what, config.bucket, error) from None
        except (HTTPClientError, OSError) as error:
            raise could_not_connect(what, error) from None
        except (BotoCoreError, ValueError) as error:
            raise unusable(one_line(error)) from None
    return f"The bucket '{config.bucket}' is there, on {what}."


def _settings(config: S3Config, certificate: str | None) -> AioConfig:
    return AioConfig(
        connect_timeout=8,
        read_timeout=8,
        retries={"max_attempts": 0},
        client_cert=certificate,
        # Without keys requests are not signed, and the host's own credentials are never used instead.
        signature_version="s3v4" if config.access_key else UNSIGNED,
        s3={"addressing_style": "path" if config.path_style else "virtual"},
        proxies={},
    )


def _refused(what: str, bucket: str, error: ClientError) -> TaskFailed:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status in (400, 401, 403):
        return login_refused(what, error)
    if status == 404:
        return TaskFailed(Reason.DRIVER_ERROR, f"There is no bucket '{bucket}' on {what}.")
    return driver_failed(f"Asking {what}", error)
