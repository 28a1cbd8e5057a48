-- Writes how minutes stand, over what was counted before. Index: primary key.
INSERT INTO minute_counts (minute, succeeded, failed, timed_out, cancelled, lost, skipped, open, recount_at)
SELECT * FROM unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::bigint[], $8::bigint[], $9::timestamptz[])
ON CONFLICT (minute) DO UPDATE
SET succeeded = excluded.succeeded, failed = excluded.failed, timed_out = excluded.timed_out,
    cancelled = excluded.cancelled, lost = excluded.lost, skipped = excluded.skipped, open = excluded.open,
    recount_at = excluded.recount_at
