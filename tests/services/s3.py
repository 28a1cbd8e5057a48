"""moto's server, which speaks S3's language and checks keys."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from tests.net import free_port
from tests.services.processes import Running, directory_for, running

BUCKET = "reports"


@dataclass(frozen=True)
class S3Server:
    """Where it is, and keys that it takes; `client` to look into it, `server` to kill it."""

    endpoint: str
    access_key: str
    secret_key: str
    client: Any
    server: Running


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server of its own with one bucket."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with directory_for("s3") as directory:
        # So many calls are taken from anybody: it takes three to make somebody whose keys are checked from then on.
        env = {"INITIAL_NO_AUTH_ACTION_COUNT": "4"}
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with running(argv, until=port, cwd=directory, env=env) as server:
            anybody: dict[str, Any] = {
                "endpoint_url": endpoint,
                "region_name": "us-east-1",
                "aws_access_key_id": "none",
                "aws_secret_access_key": "none",
            }
            iam = boto3.client("iam", **anybody)
            iam.create_user(UserName="tests")
            policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
            iam.put_user_policy(UserName="tests", PolicyName="all", PolicyDocument=policy)
            key = iam.create_access_key(UserName="tests")["AccessKey"]
            mine = anybody | {
                "aws_access_key_id": key["AccessKeyId"],
                "aws_secret_access_key": key["SecretAccessKey"],
            }
            client = boto3.client("s3", **mine)
            client.create_bucket(Bucket=BUCKET)
            yield S3Server(endpoint, key["AccessKeyId"], key["SecretAccessKey"], client, server)
