"""gRPC: connects as a task would, and asks the server's reflection for its services, with the token."""

from typing import Final

import grpc

from tocsin_agent.tasks.driving import could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.grpc.channel import address_of, open_channel, speaks_tls
from tocsin_agent.tasks.grpc.reflection import list_services, token_of
from tocsin_shared.connections.configs import GrpcConfig
from tocsin_shared.network import Reach

_REFUSED: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})
#: Whoever tries a connection has a limit of their own, and a shorter one.
_LONGEST_SECS: Final = 60.0


async def probe(config: GrpcConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    address = address_of(config.host)
    is_secured = speaks_tls(address, config)
    what = f"gRPC at {address.target}{' over TLS' if is_secured else ''}"
    channel = await open_channel(address, config, is_secured=is_secured)
    try:
        services = await list_services(channel, token_of(config), _LONGEST_SECS)
    except grpc.aio.AioRpcError as error:
        code = error.code()
        if code in _REFUSED:
            raise login_refused(what, error.details()) from None
        if code is grpc.StatusCode.UNAVAILABLE:
            raise could_not_connect(what, error.details()) from None
        raise driver_failed(f"Asking {what}", error.details()) from None
    finally:
        await channel.close()
    if services is None:
        return f"Connected to {what}, which has no reflection."
    return f"Connected to {what} ({len(services)} {'service' if len(services) == 1 else 'services'})."
