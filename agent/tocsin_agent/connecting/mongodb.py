"""MongoDB: logs in and pings."""

from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from tocsin_agent.connecting.base import client_pem, in_memory, server_of, unusable
from tocsin_agent.tasks.driving import could_not_connect, driver_failed, login_refused, one_line
from tocsin_agent.tasks.tls import tls_of
from tocsin_shared.connections.configs import MongodbConfig
from tocsin_shared.network import Reach

_LOGIN_CODES = frozenset({8000, 13, 18})
#: Before the trial's own limit, so that it can be said what was not reached.
_SELECTION_MS = 8_000


async def probe(config: MongodbConfig, _reach: Reach) -> str:
    """Raises TaskFailed."""
    what = f"MongoDB at {server_of(config.connection_string, config.default_port)}"
    if config.tls_server_name:
        raise unusable("MongoDB's driver knows no tls_server_name")
    with in_memory(config.tls_ca) as ca, in_memory(client_pem(config)) as certificate:
        options: dict[str, Any] = {}
        if "serverselectiontimeoutms" not in config.connection_string.lower():
            options["serverSelectionTimeoutMS"] = _SELECTION_MS
        if tls_of(config, by_address=False):
            files = {"tlsCAFile": ca, "tlsCertificateKeyFile": certificate}
            options |= {"tls": True, "tlsAllowInvalidCertificates": not config.tls_verify}
            options |= {name: path for name, path in files.items() if path}
        elif config.tls is False:
            options["tls"] = False
        try:
            async with AsyncMongoClient[dict[str, Any]](config.connection_string, **options) as client:
                await client.admin.command("ping")
        except OperationFailure as error:
            if error.code in _LOGIN_CODES:
                raise login_refused(what, error) from None
            raise driver_failed(f"Asking {what}", error) from None
        except (ServerSelectionTimeoutError, ConnectionFailure) as error:
            raise could_not_connect(what, error) from None
        except (InvalidURI, ConfigurationError, ValueError) as error:
            raise unusable(one_line(error)) from None
        except PyMongoError as error:
            raise driver_failed(f"Asking {what}", error) from None
    return f"Logged in to {what}."
