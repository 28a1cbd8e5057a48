-- What a batch of assignments is given to run: scripts by name, and the params of their runs. $3 is the lowest run id,
-- which skips the partitions of earlier days. Indexes: primary keys.
SELECT NULL::uuid AS run_id, NULL::jsonb AS params, name, script_type, code
FROM scripts
WHERE name = ANY($1::text[])
UNION ALL
SELECT id, params, NULL, NULL, NULL
FROM runs
WHERE id = ANY($2::uuid[]) AND id >= $3 AND params IS NOT NULL
