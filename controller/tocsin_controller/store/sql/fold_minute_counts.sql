-- Adds settled minutes from before $1 up to days, and removes them: a minute is counted in one place at any time.
-- Index: primary keys.
WITH gone AS (
    DELETE FROM minute_counts WHERE minute < $1 AND recount_at IS NULL RETURNING *
)
INSERT INTO day_counts (day, succeeded, failed, timed_out, cancelled, lost, skipped)
SELECT (minute AT TIME ZONE 'UTC')::date, sum(succeeded), sum(failed), sum(timed_out), sum(cancelled), sum(lost),
       sum(skipped)
FROM gone
GROUP BY 1
ON CONFLICT (day) DO UPDATE
SET succeeded = day_counts.succeeded + excluded.succeeded, failed = day_counts.failed + excluded.failed,
    timed_out = day_counts.timed_out + excluded.timed_out, cancelled = day_counts.cancelled + excluded.cancelled,
    lost = day_counts.lost + excluded.lost, skipped = day_counts.skipped + excluded.skipped
