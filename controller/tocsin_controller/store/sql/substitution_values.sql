-- What a batch of assignments puts into its tasks: variables by name, and the params of runs. $3 is the lowest run id,
-- which skips the partitions of earlier days. Indexes: primary keys.
SELECT NULL::uuid AS run_id, NULL::jsonb AS params, name, value, sealed,
       coalesce(expires_at <= now(), false) AS is_expired
FROM variables
WHERE name = ANY($1::text[])
UNION ALL
SELECT id, params, NULL, NULL, NULL, NULL
FROM runs
WHERE id = ANY($2::uuid[]) AND id >= $3 AND params IS NOT NULL
