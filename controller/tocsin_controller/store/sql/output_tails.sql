-- The end of each stream of each execution: of its last eight chunks, $2 bytes at most. Index: primary key.
SELECT w.id AS execution_id, s.stream,
       (SELECT string_agg(last.data, '' ORDER BY last.start_offset)
        FROM (SELECT o.start_offset, substring(o.data FROM greatest(length(o.data) - $2 + 1, 1)) AS data
              FROM execution_output AS o
              WHERE o.execution_id = w.id AND o.stream = s.stream
              ORDER BY o.start_offset DESC
              LIMIT 8) AS last) AS data
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS s (stream)
