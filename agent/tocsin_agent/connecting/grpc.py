"""gRPC: connects, and asks the server's reflection for its services, with the token."""

import grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tocsin_agent.connecting.base import client_pem, speaks_tls, unusable
from tocsin_agent.tasks.driving import could_not_connect, driver_failed, login_refused
from tocsin_shared.connections.configs import GrpcConfig
from tocsin_shared.network import Reach

_REFUSED = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})


async def probe(config: GrpcConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    what = f"gRPC server at {config.host}"
    async with _channel(config) as channel:
        try:
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
                metadata=[("authorization", f"Bearer {config.token}")] if config.token else None
            )
            await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            answer = await call.read()
            call.cancel()
        except grpc.aio.AioRpcError as error:
            code = error.code()
            if code in _REFUSED:
                raise login_refused(what, error.details()) from None
            if code is grpc.StatusCode.UNIMPLEMENTED:
                return f"Connected to {what}, which has no reflection."
            if code is grpc.StatusCode.UNAVAILABLE:
                raise could_not_connect(what, error.details()) from None
            raise driver_failed(f"Asking {what}", error.details()) from None
    count = len(answer.list_services_response.service)
    return f"Connected to {what} ({count} {'service' if count == 1 else 'services'})."


def _channel(config: GrpcConfig) -> grpc.aio.Channel:
    if not speaks_tls(config, by_address=config.host.endswith(":443")):
        return grpc.aio.insecure_channel(config.host)
    if not config.tls_verify:
        raise unusable("gRPC's driver always checks certificates; give tls_ca instead of tls_verify false")
    pem = client_pem(config)
    credentials = grpc.ssl_channel_credentials(
        config.tls_ca.encode() if config.tls_ca else None,
        config.tls_key.encode() if pem and config.tls_key else None,
        config.tls_cert.encode() if config.tls_cert else None,
    )
    name = config.tls_server_name
    return grpc.aio.secure_channel(
        config.host, credentials, options=[("grpc.ssl_target_name_override", name)] if name else None
    )
