-- The oldest history that something still goes on in, looked for in what is older than $1: an execution that runs or
-- waits, a run that has not ended. A run of an instant whose day's partition is gone lies in the default partition:
-- there it is its beginning that counts. Indexes: primary keys, runs_open in partitions older than $1.
SELECT
    (SELECT execution_id FROM leases WHERE execution_id < $1 ORDER BY execution_id LIMIT 1) AS running,
    (SELECT execution_id FROM queue WHERE execution_id < $1 ORDER BY execution_id LIMIT 1) AS waiting,
    (
        SELECT id FROM runs
        WHERE id < $1 AND finished_at IS NULL AND tableoid <> 'runs_default'::regclass
        ORDER BY id LIMIT 1
    ) AS open_run,
    (SELECT min(created_at) FROM runs_default WHERE id < $1 AND finished_at IS NULL) AS begun
