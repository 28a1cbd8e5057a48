-- Runs of instants so old that their day's partition is gone, and that ended before this day; and backfills as old.
-- The default partition is usually empty.
WITH old AS (
    DELETE FROM backfills WHERE finished_at < $1
)
DELETE FROM runs_default WHERE finished_at < $1
