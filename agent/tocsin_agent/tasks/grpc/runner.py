"""Calls a method of a gRPC server; its answers are the output, as JSON, and its status is the exit code."""

import asyncio
import base64
import binascii
import functools
import json
from typing import Any, Final

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, drive, one_line, task_of
from tocsin_agent.tasks.grpc.channel import address_of, open_channel, speaks_tls
from tocsin_agent.tasks.grpc.reflection import Metadata, Method, find_method, token_of
from tocsin_shared.connections.configs import GrpcConfig
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import GrpcTask

#: For jobs without `timeout_secs`.
DEFAULT_TIMEOUT_SECS: Final = 30.0
_REASONS: Final = {
    grpc.StatusCode.UNAVAILABLE: Reason.CONNECT_FAILED,
    grpc.StatusCode.UNAUTHENTICATED: Reason.LOGIN_FAILED,
}
#: How gRPC itself says that a message is longer than it takes.
_TOO_LARGE: Final = "message larger than max"


class GrpcRunner:
    """Runs `grpc` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Learn what the method takes, call it, and print each answer as a line of JSON."""
        work = functools.partial(_work, assignment, context)
        return await drive(assignment, context, work, default_timeout_secs=DEFAULT_TIMEOUT_SECS)


async def _work(assignment: Assignment, context: TaskContext) -> Outcome:
    task, config = task_of(assignment, GrpcTask), config_of(assignment, GrpcConfig)
    timeout_secs = assignment.timeout_secs or DEFAULT_TIMEOUT_SECS
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_secs
    address = address_of(config.host if config is not None else task.host)
    metadata = _metadata(task, config)
    is_secured = speaks_tls(address, config, is_wanted=task.tls)
    channel = await open_channel(address, config, is_secured=is_secured)
    try:
        method = await find_method(channel, task.method, metadata, max(deadline - loop.time(), 0.001))
        request = _request(task, method)
        await _call(channel, task, method, request, metadata, max(deadline - loop.time(), 0.001), context)
        code, details = grpc.StatusCode.OK, ""
    except grpc.aio.AioRpcError as error:
        code, details = error.code(), one_line(error.details() or "")
    finally:
        await channel.close()
    number = int(code.value[0])
    if number == task.expect_code:
        return Outcome.succeeded(number)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and loop.time() >= deadline - 0.1:
        return Outcome.stopped("timeout", timeout_secs)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in details:
        raise TaskFailed(Reason.TOO_LARGE, "An answer is longer than what is taken.", details, number)
    if code is grpc.StatusCode.UNAVAILABLE:
        message = f"Could not connect to gRPC at {address.target}, or the connection was lost."
    else:
        message = f"Answered {code.name} ({number}) where {task.expect_code} was expected."
    raise TaskFailed(_REASONS.get(code, Reason.DRIVER_ERROR), message, details, number)


def _metadata(task: GrpcTask, config: GrpcConfig | None) -> Metadata:
    found: dict[str, str | bytes] = {}
    for name, value in (task.headers or {}).items():
        key = name.lower()
        if key.endswith("-bin"):
            try:
                found[key] = base64.b64decode(value, validate=True)
            except binascii.Error:
                raise _misfit(f"The header {name} ends in -bin and is not base64.") from None
        elif not value.isascii() or not value.isprintable():
            raise _misfit(f"The header {name} holds characters beyond printable ASCII.")
        else:
            found[key] = value
    return tuple((found | dict(token_of(config))).items())


def _request(task: GrpcTask, method: Method) -> Message:
    if method.is_client_streaming:
        raise TaskFailed(
            Reason.DRIVER_ERROR,
            f"{task.method} takes a stream of requests, and a task has only one.",
            exit_code=_number(grpc.StatusCode.UNIMPLEMENTED),
        )
    request = message_factory.GetMessageClass(method.descriptor.input_type)()
    try:
        json_format.ParseDict(task.body or {}, request, descriptor_pool=method.pool)
    except (json_format.ParseError, ValueError, TypeError) as error:
        name = method.descriptor.input_type.full_name
        raise _misfit(f"The body does not fit {name}, which {task.method} takes.", error) from None
    return request


async def _call(
    channel: grpc.aio.Channel,
    task: GrpcTask,
    method: Method,
    request: Message,
    metadata: Metadata,
    timeout_secs: float,
    context: TaskContext,
) -> None:
    answer = message_factory.GetMessageClass(method.descriptor.output_type)

    def show(message: Any) -> None:
        try:
            fields = json_format.MessageToDict(message, descriptor_pool=method.pool)
        except (TypeError, ValueError, json_format.Error) as error:
            raise TaskFailed(Reason.DRIVER_ERROR, "An answer can't be written as JSON.", error) from None
        context.emit(Stream.STDOUT, (json.dumps(fields, ensure_ascii=False) + "\n").encode(errors="replace"))

    kind = channel.unary_stream if method.is_server_streaming else channel.unary_unary
    call = kind(
        f"/{task.method}",
        request_serializer=lambda one: one.SerializeToString(),
        response_deserializer=answer.FromString,
    )(request, metadata=metadata, timeout=timeout_secs)
    try:
        if method.is_server_streaming:
            async for message in call:
                show(message)
        else:
            show(await call)
    finally:
        call.cancel()


def _misfit(message: str, detail: object = "") -> TaskFailed:
    return TaskFailed(
        Reason.DRIVER_ERROR, message, detail, exit_code=_number(grpc.StatusCode.INVALID_ARGUMENT)
    )


def _number(code: grpc.StatusCode) -> int:
    return int(code.value[0])
