"""What the same PostgreSQL does without Tocsin: claim and complete, one by one and in batches of 50."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Figure
from tocsin_controller.embedded import EmbeddedPostgres

SECS = 8

SCHEMA = """
CREATE TABLE job (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text NOT NULL DEFAULT 'ready',
    priority smallint NOT NULL DEFAULT 0, run_at timestamptz NOT NULL DEFAULT now(), fence int NOT NULL DEFAULT 0,
    lease_until timestamptz, finished_at timestamptz, args jsonb NOT NULL DEFAULT '{}') WITH (fillfactor = 85);
CREATE INDEX ON job (priority, run_at, id) WHERE state = 'ready';
INSERT INTO job (args) SELECT '{}' FROM generate_series(1, 400000);
ANALYZE job;
"""
CLAIM = """
WITH c AS (SELECT id FROM job WHERE state = 'ready' ORDER BY priority, run_at, id LIMIT {n} FOR UPDATE SKIP LOCKED)
, t AS (UPDATE job j SET state = 'running', fence = fence + 1, lease_until = now() + interval '45 s' FROM c
  WHERE j.id = c.id RETURNING j.id)
SELECT string_agg(id::text, ',') AS ids FROM t \\gset
UPDATE job SET state = 'done', finished_at = now() WHERE id IN (:ids);
"""


@dataclass(frozen=True)
class Floor:
    """Jobs per second of bare SQL."""

    single: float
    batched: float

    def figures(self) -> list[Figure]:
        """The floor as lines of the table."""
        return [
            Figure("floor: claim + complete, one by one, 4 clients", f"{self.single:,.0f}/s", None),
            Figure("floor: claim + complete, batches of 50, 4 clients", f"{self.batched:,.0f}/s", None),
        ]


def measure_floor() -> Floor:
    """pgbench on a fresh cluster with the embedded server's default settings."""
    with tempfile.TemporaryDirectory(prefix="tocsin-floor-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        with EmbeddedPostgres(Path(directory) / "pg") as server:
            dsn = server.dsn("floor")
            psql = [str(server.bin_dir / "psql"), "-q", "-v", "ON_ERROR_STOP=1", dsn]
            subprocess.run(psql, input=SCHEMA, text=True, check=True, capture_output=True)
            return Floor(_run(server, dsn, Path(directory), 1), _run(server, dsn, Path(directory), 50))


def _run(server: EmbeddedPostgres, dsn: str, directory: Path, batch: int) -> float:
    script = directory / f"claim{batch}.sql"
    script.write_text(CLAIM.format(n=batch))
    pgbench = [str(server.bin_dir / "pgbench"), "-n", "-M", "simple", "-c", "4", "-j", "2", "-T", str(SECS)]
    done = subprocess.run([*pgbench, "-f", str(script), dsn], text=True, check=True, capture_output=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found.group(1)) * batch
