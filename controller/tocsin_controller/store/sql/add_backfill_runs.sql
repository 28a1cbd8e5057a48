-- These runs are the backfill's. Index: primary key.
INSERT INTO backfill_runs (backfill_id, run_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING
