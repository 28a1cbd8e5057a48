-- The beginning of each stream of each execution: $2 bytes of it, however small the chunks it came in, but of no more
-- than 1024 chunks. Index: primary key.
SELECT w.id AS execution_id, s.stream,
       (SELECT string_agg(first.data, '' ORDER BY first.start_offset)
        FROM (SELECT o.start_offset, substring(o.data FOR $2::int) AS data
              FROM execution_output AS o
              WHERE o.execution_id = w.id AND o.stream = s.stream AND o.start_offset < $2::int
              ORDER BY o.start_offset
              LIMIT 1024) AS first) AS data
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS s (stream)
