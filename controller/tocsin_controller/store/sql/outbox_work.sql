-- For each of these kinds, how many seconds until the first entry is due; negative when it is. Index: outbox_due, one
-- look-up a kind.
SELECT k.kind, extract(epoch FROM o.due_at - now())::float8 AS secs
FROM unnest($1::text[]) AS k (kind)
CROSS JOIN LATERAL (
    SELECT due_at FROM outbox WHERE kind = k.kind AND set_aside_at IS NULL ORDER BY due_at LIMIT 1
) AS o
