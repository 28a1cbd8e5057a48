"""What a gRPC server says of its own methods, by its reflection service."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_shared.connections.configs import GrpcConfig
from tocsin_shared.executions import Reason

#: The versions of the service. What they say is the same.
_SERVICES: Final = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
#: How much a server may say about one method.
_MOST_FILES: Final = 2_000
_MOST_BYTES: Final = 64 * 1024 * 1024

Metadata = tuple[tuple[str, str | bytes], ...]

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Method:
    """One method, with the types that it needs."""

    descriptor: MethodDescriptor
    pool: descriptor_pool.DescriptorPool
    is_client_streaming: bool
    is_server_streaming: bool


async def find_method(
    channel: grpc.aio.Channel, name: str, metadata: Metadata, timeout_secs: float
) -> Method:
    """Ask for `package.Service/Method`. Raises TaskFailed, or what gRPC raises."""
    found = await _by_either(channel, metadata, timeout_secs, lambda ask: _found(ask, name))
    if found is None:
        message = "The server does not offer reflection, so nobody here knows its methods."
        raise TaskFailed(Reason.DRIVER_ERROR, message, exit_code=_number(grpc.StatusCode.UNIMPLEMENTED))
    return found


async def list_services(
    channel: grpc.aio.Channel, metadata: Metadata, timeout_secs: float
) -> list[str] | None:
    """The names of its services; None when it has no reflection. Raises TaskFailed, or what gRPC raises."""
    return await _by_either(channel, metadata, timeout_secs, lambda ask: ask.services())


def token_of(config: GrpcConfig | None) -> Metadata:
    """What goes with every call to a server that wants a token, reflection included."""
    return (("authorization", f"Bearer {config.token}"),) if config is not None and config.token else ()


async def _by_either(
    channel: grpc.aio.Channel,
    metadata: Metadata,
    timeout_secs: float,
    question: Callable[["_Asking"], Awaitable[_Found]],
) -> _Found | None:
    """The answer of the newest version that the server has; None when it has none."""
    for service in _SERVICES:
        try:
            return await question(_Asking(channel, service, metadata, timeout_secs))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
    return None


class _Asking:
    """Asks the reflection service: one request a call, so that a server without it can't end the call between two."""

    def __init__(
        self, channel: grpc.aio.Channel, service: str, metadata: Metadata, timeout_secs: float
    ) -> None:
        self._ask = channel.unary_stream(
            f"/{service}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        self._metadata = metadata
        self._deadline = asyncio.get_running_loop().time() + timeout_secs
        self._bytes = 0

    async def files(self, **request: str) -> list[descriptor_pb2.FileDescriptorProto]:
        """The files that answer; none when the server knows none."""
        found: list[descriptor_pb2.FileDescriptorProto] = []
        for answer in await self._answers(**request):
            files = answer.file_descriptor_response.file_descriptor_proto
            try:
                found.extend(map(descriptor_pb2.FileDescriptorProto.FromString, files))
            except DecodeError as error:
                raise _unsound(error) from None
        return found

    async def services(self) -> list[str]:
        """The names of all that it offers."""
        answers = await self._answers(list_services="")
        return [one.name for answer in answers for one in answer.list_services_response.service]

    async def _answers(self, **request: str) -> list[Any]:
        left_secs = max(self._deadline - asyncio.get_running_loop().time(), 0.001)
        call = self._ask(
            reflection_pb2.ServerReflectionRequest(**request), metadata=self._metadata, timeout=left_secs
        )
        found: list[Any] = []
        try:
            async for answer in call:
                self._bytes += answer.ByteSize()
                if self._bytes > _MOST_BYTES:
                    raise TaskFailed(Reason.TOO_LARGE, "The server's reflection says more than is read here.")
                found.append(answer)
        finally:
            call.cancel()
        return found


async def _found(ask: _Asking, name: str) -> Method:
    service_name, _, method_name = name.partition("/")
    files = {one.name: one for one in await ask.files(file_containing_symbol=service_name)}
    if not files:
        raise _unknown(f"The server has no service {service_name}.")
    while missing := {needed for one in files.values() for needed in one.dependency} - files.keys():
        if len(files) > _MOST_FILES:
            raise TaskFailed(Reason.TOO_LARGE, "The server's reflection names more files than are read here.")
        wanted = min(missing)
        got = {one.name: one for one in await ask.files(file_by_filename=wanted)}
        if wanted not in got:
            raise TaskFailed(Reason.DRIVER_ERROR, f"The server's reflection lacks the file {wanted[:200]}.")
        files |= got
    pool = descriptor_pool.DescriptorPool()
    try:
        _add(pool, files)
        service = pool.FindServiceByName(service_name)
    except (KeyError, TypeError, ValueError) as error:
        raise _unsound(error) from None
    method = service.methods_by_name.get(method_name)
    if method is None:
        raise _unknown(f"The service {service_name} has no method {method_name}.")
    return Method(method, pool, method.client_streaming, method.server_streaming)


def _add(pool: descriptor_pool.DescriptorPool, files: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    """Each after those that it needs. Raises ValueError for circles."""
    done: set[str] = set()
    while len(done) < len(files):
        ready = [one for name, one in files.items() if name not in done and done.issuperset(one.dependency)]
        if not ready:
            raise ValueError("files need each other in a circle")
        for one in ready:
            pool.Add(one)
            done.add(one.name)


def _unsound(error: Exception) -> TaskFailed:
    return TaskFailed(Reason.DRIVER_ERROR, "What the server's reflection says is not sound.", error)


def _unknown(message: str) -> TaskFailed:
    return TaskFailed(Reason.DRIVER_ERROR, message, exit_code=_number(grpc.StatusCode.UNIMPLEMENTED))


def _number(code: grpc.StatusCode) -> int:
    return int(code.value[0])
