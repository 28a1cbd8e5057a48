"""S3: asks whether the bucket is there, with the keys."""

from tocsin_agent.tasks.s3 import S3Runner
from tocsin_shared.connections.configs import S3Config
from tocsin_shared.network import Reach


async def probe(config: S3Config, _reach: Reach) -> str:
    """Raises TaskFailed."""
    return f"The bucket '{config.bucket}' is there, on {await S3Runner().find_bucket(config)}."
