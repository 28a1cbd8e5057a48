-- The result is judged: it goes, in the transaction that ends its execution, if it is still the one that was claimed.
-- Index: primary key.
DELETE FROM unjudged_results
WHERE execution_id = $1 AND claims = $2
RETURNING is_cancel_requested, extract(epoch FROM now() - finished_at)::float8 AS age_secs,
          extract(epoch FROM now() - started_at)::float8 AS started_age_secs
