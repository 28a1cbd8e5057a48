-- These executions are looked at again after so many seconds. Index: primary key.
INSERT INTO unindexed (execution_id, look_at)
SELECT w.id, now() + make_interval(secs => w.secs) FROM unnest($1::uuid[], $2::float8[]) AS w (id, secs)
ON CONFLICT (execution_id) DO UPDATE SET look_at = excluded.look_at
