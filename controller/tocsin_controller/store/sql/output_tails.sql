-- The last chunk of each stream of each execution. Index: primary key.
SELECT w.id AS execution_id, t.stream, t.data
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS s (stream)
CROSS JOIN LATERAL (
    SELECT stream, substring(data FROM greatest(length(data) - 499, 1)) AS data
    FROM execution_output
    WHERE execution_id = w.id AND stream = s.stream
    ORDER BY start_offset DESC
    LIMIT 1
) AS t
