-- Minutes whose counts may have changed, at most $1. Index: minute_counts_unsettled.
SELECT minute FROM minute_counts WHERE recount_at <= now() ORDER BY recount_at LIMIT $1
