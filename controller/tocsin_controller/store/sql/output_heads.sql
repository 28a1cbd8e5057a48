-- The beginning of each stream of each execution: of its first eight chunks, $2 bytes at most. Index: primary key.
SELECT w.id AS execution_id, s.stream,
       (SELECT string_agg(first.data, '' ORDER BY first.start_offset)
        FROM (SELECT o.start_offset, substring(o.data FOR $2) AS data
              FROM execution_output AS o
              WHERE o.execution_id = w.id AND o.stream = s.stream
              ORDER BY o.start_offset
              LIMIT 8) AS first) AS data
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS s (stream)
