-- The next attempts of failed executions: a new execution each, waiting for its time. Returns the lanes of those
-- that need not wait. Index: primary keys.
WITH x AS (
    SELECT x.*
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::uuid[], $7::text[], $8::smallint[],
                $9::float8[], $10::float8[], $11::timestamptz[])
        AS x (id, run_id, job_id, job_version, attempt_number, retry_of, route, priority, delay_secs,
              queue_timeout_secs, scheduled_for)
), new_executions AS (
    INSERT INTO executions (id, run_id, job_id, job_version, status, attempt_number, retry_of)
    SELECT id, run_id, job_id, job_version, 'pending', attempt_number, retry_of FROM x
), new_queue AS (
    INSERT INTO queue (execution_id, route, priority, ready_at, expires_at, run_id, job_id, job_version, attempt_number,
                       scheduled_for)
    SELECT id, route, priority, CASE WHEN delay_secs > 0 THEN now() + make_interval(secs => delay_secs) END,
           now() + make_interval(secs => delay_secs + queue_timeout_secs), run_id, job_id, job_version, attempt_number,
           scheduled_for
    FROM x
    RETURNING route, priority, position, ready_at
)
SELECT route, priority, min(position) AS first, count(*) AS count FROM new_queue WHERE ready_at IS NULL GROUP BY route, priority
