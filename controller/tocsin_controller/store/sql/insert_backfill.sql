-- A new backfill. Another one that runs for the same job violates backfills_running.
INSERT INTO backfills (id, job_id, job_name, job_version, anchor, from_at, to_at, max_concurrent, include_skipped,
                       status, cursor_at, instants, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10, $11, $12)
