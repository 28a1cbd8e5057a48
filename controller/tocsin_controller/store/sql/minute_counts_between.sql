-- The counted minutes in [$1, $2). Index: primary key.
SELECT minute, succeeded, failed, timed_out, cancelled, lost, skipped, open
FROM minute_counts
WHERE minute >= $1 AND minute < $2
