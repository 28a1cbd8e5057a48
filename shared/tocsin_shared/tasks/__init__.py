"""What a job does. `type` says which kind."""

from typing import Annotated

from pydantic import Field

from tocsin_shared.tasks.databases import RedisReadTask, RedisTask, SqlTask
from tocsin_shared.tasks.fields import UserName
from tocsin_shared.tasks.files import FilePushTask, FtpTask, S3Task
from tocsin_shared.tasks.http import HttpTask, McpTask
from tocsin_shared.tasks.messages import (
    KafkaConsumeTask,
    KafkaTask,
    MqttSubscribeTask,
    MqttTask,
    NatsTask,
    RabbitmqConsumeTask,
    RabbitmqTask,
)
from tocsin_shared.tasks.others import CustomTask, NoopTask
from tocsin_shared.tasks.processes import DockerBuildTask, ScriptTask, ShellTask
from tocsin_shared.tasks.remote import GrpcTask, SshTask

Task = Annotated[
    ShellTask
    | HttpTask
    | SqlTask
    | FtpTask
    | ScriptTask
    | DockerBuildTask
    | FilePushTask
    | KafkaTask
    | KafkaConsumeTask
    | MqttTask
    | MqttSubscribeTask
    | RabbitmqTask
    | RabbitmqConsumeTask
    | RedisTask
    | RedisReadTask
    | NatsTask
    | GrpcTask
    | SshTask
    | S3Task
    | McpTask
    | CustomTask
    | NoopTask,
    Field(discriminator="type"),
]

__all__ = [
    "CustomTask",
    "DockerBuildTask",
    "FilePushTask",
    "FtpTask",
    "GrpcTask",
    "HttpTask",
    "KafkaConsumeTask",
    "KafkaTask",
    "McpTask",
    "MqttSubscribeTask",
    "MqttTask",
    "NatsTask",
    "NoopTask",
    "RabbitmqConsumeTask",
    "RabbitmqTask",
    "RedisReadTask",
    "RedisTask",
    "S3Task",
    "ScriptTask",
    "ShellTask",
    "SqlTask",
    "SshTask",
    "Task",
    "UserName",
]
