"""A gRPC server with reflection, whose types are made here: no compiler of .proto files is needed."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import trustme
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from tests.net import free_port

SERVICE = "shop.Orders"
#: The only name in its certificate.
NAME = "grpc.example"
TOKEN = "grpc-token-12345"
_FIELD = descriptor_pb2.FieldDescriptorProto


def _types() -> descriptor_pool.DescriptorPool:
    """`shop/order.proto`, which needs another file and a well-known one, and `shop/orders.proto` with the service."""
    pool = descriptor_pool.DescriptorPool()
    stamp = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(stamp)
    pool.Add(stamp)
    order = descriptor_pb2.FileDescriptorProto(
        name="shop/order.proto",
        package="shop",
        syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"],
    )
    message = order.message_type.add(name="Order")
    for number, (name, kind) in enumerate(
        (("id", _FIELD.TYPE_INT64), ("name", _FIELD.TYPE_STRING), ("payload", _FIELD.TYPE_BYTES)), 1
    ):
        message.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL)
    message.field.add(
        name="placed_at",
        number=4,
        type=_FIELD.TYPE_MESSAGE,
        type_name=".google.protobuf.Timestamp",
        label=_FIELD.LABEL_OPTIONAL,
    )
    pool.Add(order)
    orders = descriptor_pb2.FileDescriptorProto(
        name="shop/orders.proto", package="shop", syntax="proto3", dependency=["shop/order.proto"]
    )
    service = orders.service.add(name="Orders")
    for name, takes_stream, gives_stream in (
        ("Echo", False, False),
        ("Watch", False, True),
        ("Collect", True, False),
        ("Fail", False, False),
        ("Wait", False, False),
        ("Greet", False, False),
    ):
        service.method.add(
            name=name,
            input_type=".shop.Order",
            output_type=".shop.Order",
            client_streaming=takes_stream,
            server_streaming=gives_stream,
        )
    pool.Add(orders)
    return pool


class GrpcServer:
    """Where it is, and what became of the calls."""

    def __init__(self, reflection: str | None, *, is_secured: bool, is_guarded: bool) -> None:
        self.port = free_port()
        self.cancelled = threading.Event()
        self._reflection = reflection
        self._is_secured = is_secured
        self._is_guarded = is_guarded
        self._authority = trustme.CA()
        self._pool = _types()
        self._order: Any = message_factory.GetMessageClass(self._pool.FindMessageTypeByName("shop.Order"))
        self._loop = asyncio.new_event_loop()
        self._until = asyncio.Event()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._serve(),), daemon=True
        )

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def ca(self) -> str:
        """In PEM."""
        return self._authority.cert_pem.bytes().decode()

    def start(self) -> None:
        self._thread.start()
        assert self._is_ready.wait(30)

    def stop(self) -> None:
        """At once, as when it crashes."""
        self._loop.call_soon_threadsafe(self._until.set)
        self._thread.join(30)

    async def _serve(self) -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((self._handlers(),))
        if self._reflection is not None:
            reflection = grpc.stream_stream_rpc_method_handler(
                self._reflect,
                reflection_pb2.ServerReflectionRequest.FromString,
                reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
            name = f"grpc.reflection.{self._reflection}.ServerReflection"
            handlers = {"ServerReflectionInfo": reflection}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
        if self._is_secured:
            certificate = self._authority.issue_cert(NAME)
            chain = b"".join(one.bytes() for one in certificate.cert_chain_pems)
            credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
            server.add_secure_port(self.address, credentials)
        else:
            server.add_insecure_port(self.address)
        await server.start()
        self._is_ready.set()
        await self._until.wait()
        await server.stop(None)

    async def _reflect(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        if self._is_guarded:
            await self._let_in(context)
        async for answer in ReflectionServicer([SERVICE], self._pool).ServerReflectionInfo(requests, context):
            yield answer

    def _handlers(self) -> Any:
        def handler(kind: Callable[..., Any], answer: Callable[..., Any]) -> Any:
            return kind(answer, self._order.FromString, self._order.SerializeToString)

        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Echo": handler(grpc.unary_unary_rpc_method_handler, self._echo),
                "Watch": handler(grpc.unary_stream_rpc_method_handler, self._watch),
                "Fail": handler(grpc.unary_unary_rpc_method_handler, self._fail),
                "Wait": handler(grpc.unary_unary_rpc_method_handler, self._wait),
                "Greet": handler(grpc.unary_unary_rpc_method_handler, self._greet),
            },
        )

    async def _echo(self, order: Any, _: Any) -> Any:
        return self._order(id=order.id, name=order.name, payload=order.payload * max(order.id, 1))

    async def _watch(self, order: Any, _: Any) -> AsyncIterator[Any]:
        for number in range(order.id):
            yield self._order(id=number, name=order.name)
        if order.name == "forever":
            await self._wait(order, None)

    async def _fail(self, order: Any, context: Any) -> None:
        await context.abort(list(grpc.StatusCode)[order.id], "as you wish")

    async def _wait(self, _: Any, __: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def _greet(self, _: Any, context: Any) -> Any:
        await self._let_in(context)
        metadata = dict(context.invocation_metadata())
        return self._order(name=metadata.get("x-name", ""), payload=metadata.get("x-raw-bin", b""))

    async def _let_in(self, context: Any) -> None:
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")


@contextmanager
def grpc_server(
    reflection: str | None = "v1", *, is_secured: bool = False, is_guarded: bool = False
) -> Iterator[GrpcServer]:
    """A server that offers this version of the reflection service, or none; `is_guarded`: to who has the token."""
    server = GrpcServer(reflection, is_secured=is_secured, is_guarded=is_guarded)
    server.start()
    try:
        yield server
    finally:
        server.stop()
